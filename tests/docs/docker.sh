# Replaces `docker` in the blocks of a page, so that they leave nothing behind and also run with docker-compose 1.29.

docker() {
  # tests/container has built this image.
  [ "$*" != 'build -t mockcvp .' ] || return 0
  case $1 in
    compose) compose "${@:2}" ;;
    run)
      local argument arguments=()
      for argument in "${@:2}"; do
        # The volumes have names that no other project uses.
        [[ $argument =~ ^[a-z0-9-]+:/[^/] ]] && argument=$COMPOSE_PROJECT_NAME-$argument
        arguments+=("$argument")
      done
      command docker run --label "mockcvp-docs=$COMPOSE_PROJECT_NAME" "${arguments[@]}"
      ;;
    *) command docker "$@" ;;
  esac
}

compose() {
  if command docker compose version >/dev/null 2>&1; then
    command docker compose "$@"
    return
  fi
  local argument arguments=() waits=
  for argument; do
    # docker-compose 1.29 lacks this option.
    [ "$argument" = --wait ] && waits=1 || arguments+=("$argument")
  done
  docker-compose "${arguments[@]}"
  [ "$waits" ] || return 0
  for container in $(docker-compose ps -q); do
    until [ "$(command docker inspect -f '{{.State.Health.Status}}' "$container")" = healthy ]; do sleep 0.1; done
  done
}

remove_containers() {
  compose down -v --remove-orphans
  command docker ps -aq --filter "label=mockcvp-docs=$COMPOSE_PROJECT_NAME" | xargs -r docker rm -f -v
  command docker volume ls -q --filter "name=$COMPOSE_PROJECT_NAME-" | xargs -r docker volume rm
}
