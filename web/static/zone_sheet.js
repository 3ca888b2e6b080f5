/* The sheet is printed by its button. */
"use strict";
document.getElementById("print").addEventListener("click", () => window.print());
