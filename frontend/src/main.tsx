// Mounts the page. StrictMode's double mount in development is ordinary life for it.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import "./page.css";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (root === null) {
  throw new Error("index.html has no element with the id `root`");
}
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
