// Draws the interface's own description; everything it loads comes from this server.
const place = document.getElementById("interface");
if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.contract,
    deepLinking: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    withCredentials: true,
  });
} else {
  document.getElementById("missing").hidden = false;
}
