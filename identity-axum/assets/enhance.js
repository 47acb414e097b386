// Optional enhancements. Every page works without this file; nothing here may be needed to finish a task.
// Markup contract: form[data-submit] holds an answer that is on its way and is sent at once.
(function () {
  "use strict";
  var form = document.querySelector("form[data-submit]");
  if (form) form.submit();
})();
