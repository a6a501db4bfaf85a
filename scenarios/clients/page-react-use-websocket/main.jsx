// As the library's README has it: the hook with `shouldReconnect`, every other option at its default.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import useWebSocketModule from "react-use-websocket";

const useWebSocket = useWebSocketModule.default ?? useWebSocketModule;
const url = new URLSearchParams(location.search).get("ws");

function App() {
  const { lastMessage, readyState } = useWebSocket(url, { shouldReconnect: () => true });
  return (
    <p>
      {readyState}: {lastMessage?.data}
    </p>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
