// Mermaid is large, so that only a page with a diagram loads it. The theme uses a `mermaid` that is loaded before the
// document is complete.
if (document.querySelector(".mermaid")) {
  const url = new URL("vendor/mermaid/mermaid.tiny.js", document.currentScript.src);
  document.write(`<script src="${url}"></script>`);
}
