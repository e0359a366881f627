"use strict";
// The user explorer. Titles, prompts and answers were written by strangers: they only ever become text nodes.
(() => {
  const source = document.getElementById("explorer-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const at = (id) => document.getElementById(id);
  let method = data.methods.length ? data.methods[0].name : "recommender";

  const make = (tag, className, ...children) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  };
  const title = (item) => data.titles[item] ? make("span", "title", data.titles[item]) : make("span", "title untitled", "(no title)");
  const label = (name) => name === "recommender" ? data.recommender : data.methods.find((one) => one.name === name).label;
  const rankOf = (user, name) => user.lists[name].indexOf(user.truth) + 1;
  const told = (rank) => rank ? String(rank) : "–";

  const shown = () => {
    const wish = at("pick-filter").value;
    return data.users.filter((user) => {
      const moved = rankOf(user, "recommender") - rankOf(user, method);
      return wish === "all" || (wish === "better" ? moved > 0 : wish === "worse" ? moved < 0 : moved === 0);
    });
  };

  const fillUsers = (keep) => {
    const users = shown();
    at("pick-user").replaceChildren(...users.map((user) => new Option(`user ${user.id}`, user.id)));
    if (users.some((user) => user.id === keep)) at("pick-user").value = keep;
    at("how-many").textContent = `${users.length} of ${data.users.length} users`;
    draw();
  };

  const entry = (item, place, user, before, fallback) => {
    const moved = before === undefined ? 0 : before - place;
    const note = make("span", "move" + (moved > 0 ? " up" : moved < 0 ? " down" : ""));
    if (before !== undefined) note.textContent = moved > 0 ? `▲ ${moved}` : moved < 0 ? `▼ ${-moved}` : "=";
    if (fallback) { note.textContent += " fallback"; note.title = "not named by the model: it follows in the recommender's order"; }
    const row = make("li", item === user.truth ? "truth" : "", make("span", "place", String(place)), title(item), note);
    if (item === user.truth) row.querySelector(".title").prepend("★ ");
    return row;
  };

  const list = (user, name, compared) => {
    const fallback = new Set((user.fallback[name] || []));
    const rows = user.lists[name].map((item, i) =>
      entry(item, i + 1, user, compared ? user.lists.recommender.indexOf(item) + 1 : undefined, fallback.has(i)));
    return make("div", "list", make("h3", "", label(name)), make("ol", "", ...rows));
  };

  const answers = (user) => (user.asked[method] || []).map((one, i) => {
    const box = make("details", "", make("summary", "", `Prompt and raw answer${user.asked[method].length > 1 ? `, pass ${i + 1}` : ""}`));
    for (const message of one.messages) box.append(make("p", "role", message.role), make("pre", "", message.content));
    box.append(make("p", "role", `answer of ${one.served_model || "the server"}`), make("pre", "", one.text));
    return box;
  });

  const draw = () => {
    const users = shown();
    const place = users.findIndex((user) => user.id === at("pick-user").value);
    at("previous").disabled = place <= 0;
    at("next").disabled = place < 0 || place >= users.length - 1;
    for (const chip of at("chips").querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.value === method));
      chip.querySelector(".rank").textContent = place < 0 ? "" : told(rankOf(users[place], chip.value));
    }
    if (place < 0) { at("user").replaceChildren(make("p", "", "No such user.")); return; }
    const user = users[place];
    const history = make("div", "list history", make("h3", "", "Watched before, oldest first"),
      make("ol", "", ...user.history.map((item, i) => make("li", "", make("span", "place", String(i + 1)), title(item), make("span", "")))));
    const parts = [history];
    if (!rankOf(user, "recommender")) parts.push(make("p", "", "Watched next, but in nobody's list: ★ ", title(user.truth)));
    parts.push(make("div", "lists", list(user, "recommender", false), ...(method === "recommender" ? [] : [list(user, method, true)])), ...answers(user));
    at("user").replaceChildren(...parts);
  };

  const step = (by) => {
    const select = at("pick-user");
    const next = select.selectedIndex + by;
    if (next >= 0 && next < select.options.length) { select.selectedIndex = next; draw(); }
  };

  at("chips").append(...[{ name: "recommender", label: data.recommender }, ...data.methods].map((one) => {
    const chip = make("button", "", one.label, make("span", "rank", ""));
    chip.type = "button";
    chip.value = one.name;
    chip.addEventListener("click", () => { method = one.name; fillUsers(at("pick-user").value); });
    return make("li", "", chip);
  }));
  at("pick-user").addEventListener("change", draw);
  at("pick-filter").addEventListener("change", () => fillUsers(at("pick-user").value));
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("explorer").hidden = false;
  fillUsers(null);
})();
