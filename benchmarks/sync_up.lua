-- A wrk script that posts sync-ups in one form, all equal or each with another sincetime.
--   wrk -s sync_up.lua URL -- json|xml [different]
local bodies = {
  json = '{"synchronize": {"servers": {"server": {"refURL": "ref-url of server", "sincetime": "%s"}}}}',
  xml = "<synchronize><servers><server><refURL>ref-url of server</refURL><sincetime>%s</sincetime></server>" ..
    "</servers></synchronize>",
}

function init(arguments)
  local kind, different = arguments[1] or "json", arguments[2] == "different"
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/" .. kind
  wrk.headers["Accept"] = "application/" .. kind
  wrk.headers["Authorization"] = "Basic d3NtYWRtaW46d3NtYWRtaW4="
  wrk.body = string.format(bodies[kind], "0")
  if different then
    local number = 0
    request = function()
      number = number + 1
      return wrk.format(nil, nil, nil, string.format(bodies[kind], number))
    end
  else
    local same = wrk.format()
    request = function() return same end
  end
end
