// A custom page over the core, without a framework.
import { followPage, isWanted, openTicker, stateWord } from "./core/index.ts";

const byId = (id) => document.getElementById(id);
const ticker = openTicker(location.href);

ticker.subscribe(() => {
  const state = ticker.snapshot();
  byId("state").textContent = byId("ticker").dataset.state = stateWord(state);
  byId("number").textContent = state.value ?? "–";
  byId("pause").textContent = isWanted(state.pause) ? "Resume" : "Pause";
  byId("event").textContent = state.log[0]?.words ?? "";
});
byId("pause").onclick = () => ticker.setPaused(!isWanted(ticker.snapshot().pause));
byId("retry").onclick = ticker.retry;
followPage(ticker);
ticker.start();
