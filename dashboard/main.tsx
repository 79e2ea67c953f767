import { render } from "hono/jsx/dom";
import { Page } from "./page.tsx";

const app = document.getElementById("app");
if (app) render(<Page />, app);
