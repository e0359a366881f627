"use strict";
// Printed, what is folded is open; the keyboard stops at tables that scroll, and only at those.
(() => {
  const folded = () => document.querySelectorAll("main > section > details:not([open]), details[data-printed]");
  addEventListener("beforeprint", () => folded().forEach((one) => { one.open = true; one.dataset.printed = ""; }));
  addEventListener("afterprint", () => folded().forEach((one) => { one.open = false; delete one.dataset.printed; }));
  const seen = new ResizeObserver((boxes) => boxes.forEach(({ target }) => {
    target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  }));
  document.querySelectorAll(".scroll").forEach((box) => seen.observe(box));
})();

// The user explorer. Titles, prompts and answers were written by strangers: they only ever become text nodes.
(() => {
  const source = document.getElementById("explorer-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const at = (id) => document.getElementById(id);
  let method = data.methods.length ? data.methods[0].name : "recommender";
  let chosen = "";  // the id of the user who is shown

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

  const fillUsers = () => {
    const users = shown();
    at("user-ids").replaceChildren(...users.map((user) => new Option("", user.id)));
    if (!users.some((user) => user.id === chosen)) chosen = users.length ? users[0].id : "";
    const all = data.users.length < data.in_subset ? ` (of ${data.in_subset} in the subset, evenly spread)` : "";
    at("how-many").textContent = `${users.length} of ${data.users.length} users${all}`;
    draw();
  };

  // The user of this id, whatever the filter; one who is not on this page is named as such.
  const goTo = (id) => {
    if (!data.users.some((user) => user.id === id)) {
      const why = data.users.length < data.in_subset
        ? `This page shows ${data.users.length} of the ${data.in_subset} users of the subset.`
        : `The subset has ${data.in_subset} users.`;
      at("told").textContent = `No user ${id} is on this page. ${why}`;
      at("user").replaceChildren();
      return;
    }
    chosen = id;
    if (!shown().some((user) => user.id === id)) at("pick-filter").value = "all";
    fillUsers();
  };

  // A link to a user: …#user-42.
  const linked = () => {
    const match = /^#user-(.+)$/.exec(location.hash);
    if (match) {
      goTo(decodeURIComponent(match[1]));
      at("users").scrollIntoView();
    }
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

  const answers = (user) => data.methods.filter((one) => one.name === method).flatMap((one) => one.asked).flatMap((name) =>
    (user.asked[name] || []).map((answer, i, all) => {
      const whose = (name === method ? "" : ` of ${name}`) + (all.length > 1 ? `, pass ${i + 1}` : "");
      const box = make("details", "", make("summary", "", `Prompt and raw answer${whose}`));
      if (answer.note) box.append(make("p", "note", answer.note));
      for (const message of answer.messages) box.append(make("p", "role", message.role), make("pre", "", message.content));
      box.append(make("p", "role", `answer of ${answer.served_model || "the server"}`), make("pre", "", answer.text));
      return box;
    }));

  const story = (user) => {
    const name = data.titles[user.truth] || "(no title)";
    const before = rankOf(user, "recommender");
    if (!before) return `User ${user.id}: ★ ${name} is not in the list, so no order of it is a hit.`;
    const after = method === "recommender" ? "" : `, rank ${rankOf(user, method)} by ${label(method)}`;
    return `User ${user.id}: ★ ${name}: rank ${before} in the list of ${data.recommender}${after}.`;
  };

  const draw = () => {
    const users = shown();
    const place = users.findIndex((user) => user.id === chosen);
    at("pick-user").value = chosen;
    at("previous").setAttribute("aria-disabled", String(place <= 0));
    at("next").setAttribute("aria-disabled", String(place < 0 || place >= users.length - 1));
    for (const radio of at("methods").querySelectorAll("input")) {
      radio.nextElementSibling.textContent = place < 0 ? "" : told(rankOf(users[place], radio.value));
    }
    if (place < 0) {
      at("told").textContent = "No user on this page is so.";
      at("user").replaceChildren();
      return;
    }
    const user = users[place];
    at("told").textContent = story(user);
    const history = make("div", "list history", make("h3", "", `${data.verb[0].toUpperCase()}${data.verb.slice(1)} before, oldest first`),
      make("ol", "", ...user.history.map((item, i) => make("li", "", make("span", "place", String(i + 1)), title(item), make("span", "")))));
    const lists = [list(user, "recommender", false), ...(method === "recommender" ? [] : [list(user, method, true)])];
    at("user").replaceChildren(history, make("div", "lists", ...lists), ...answers(user));
  };

  const show = (id) => {
    chosen = id;
    history.replaceState(null, "", `#user-${encodeURIComponent(id)}`);
    draw();
  };

  const step = (by) => {
    const users = shown();
    const next = users.findIndex((user) => user.id === chosen) + by;
    if (next >= 0 && next < users.length) show(users[next].id);
  };

  at("methods").append(...[{ name: "recommender", label: data.recommender }, ...data.methods].map((one) => {
    const radio = make("input", "");
    Object.assign(radio, { type: "radio", name: "method", value: one.name, checked: one.name === method });
    radio.addEventListener("change", () => { method = one.name; fillUsers(); });
    return make("label", "", one.label, radio, make("span", "rank", ""));
  }));
  at("pick-user").addEventListener("change", () => {
    const id = at("pick-user").value.trim();
    goTo(id);
    if (chosen === id) history.replaceState(null, "", `#user-${encodeURIComponent(id)}`);
  });
  at("pick-user").addEventListener("focus", () => at("pick-user").select());
  at("pick-filter").addEventListener("change", fillUsers);
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("explorer").hidden = false;
  fillUsers();
  addEventListener("hashchange", linked);
  linked();
})();
