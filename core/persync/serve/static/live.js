// What the pages do better with a script; without one, every form and link works as well.
"use strict";
(() => {
  const main = document.getElementById("main");
  const form = document.querySelector("form.filters");
  let library = null;   // the promise of the script that draws, asked for once
  let latest = 0;       // answers that come late, after another was asked for, are dropped

  function draws() {
    library ??= new Promise((ready, failed) => {
      const script = document.createElement("script");
      script.src = "/static/vega.js";
      script.type = "module";
      script.onload = () => ready(window.persyncEmbed);
      script.onerror = failed;
      document.head.append(script);
    });
    return library;
  }

  const GLYPH = 7.5;         // px of a character of a figure, a wide one
  const LEAST_LABEL = 150;   // px of an axis label that are never cut off

  // Where the list of pages is one line, the page that is open stands in its middle.
  function showPlace() {
    const list = document.querySelector(".parts");
    const here = list.querySelector("[aria-current]");
    if (here && list.scrollWidth > list.clientWidth) {
      list.scrollLeft += here.getBoundingClientRect().left - (list.clientWidth - here.offsetWidth) / 2;
    }
  }

  // A figure takes the width that it has; labels and legend entries get their share of it, as in the report. The font is named,
  // for it is measured on a canvas, which knows nothing to inherit one from: a label would be wider than the room kept for it.
  function sized({ spec, config, room }, width) {
    const [one, beside] = [room.longest * GLYPH + 30, room.beside * GLYPH];
    const legend = room.longest
      ? { columns: Math.max(1, Math.floor((width - beside) / one)), labelLimit: one < width ? 0 : width - 30 }
      : { columns: Math.max(2, Math.floor(width / 150)), labelLimit: Math.floor(width / 3) };
    return {
      spec: { ...spec, width, autosize: { type: "fit-x", contains: "padding" } },
      config: {
        ...config,
        font: getComputedStyle(main).fontFamily,
        axis: { ...config.axis, labelLimit: Math.max(LEAST_LABEL, Math.floor(width / 3)) },
        legend: { ...config.legend, ...legend },
      },
    };
  }

  async function plot(box) {
    const width = Math.floor(box.parentElement.clientWidth);
    if (!width || box.dataset.width === String(width)) return;
    box.dataset.width = String(width);
    const embed = await draws();
    const { spec, config } = sized(JSON.parse(box.dataset.spec), width);
    box.hidden = false;
    box.parentElement.classList.add("plotted");
    const drawn = await embed(box, spec, {
      config, mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
      loader: { load: () => Promise.reject(new Error("figures load nothing")) },
    });
    // The box tells what the figure says; to a reader of screens its marks are no pictures of their own.
    for (const part of box.querySelectorAll("svg, svg [role]")) part.removeAttribute("role");
    box.querySelector("svg").setAttribute("aria-hidden", "true");
    box.drawn?.finalize();
    box.drawn = drawn;
  }

  // Where a figure cannot be drawn, its picture stays, or the numbers below are opened.
  function plotAll(within) {
    for (const box of within.querySelectorAll(".plot")) {
      plot(box).catch(() => {
        box.hidden = true;
        box.parentElement.classList.remove("plotted");
        box.parentElement.querySelector("details.data")?.setAttribute("open", "");
      });
    }
  }

  function query() {
    const given = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) given.append(name, value);
    return given.toString();
  }

  async function show(address, { remember }) {
    const mine = ++latest;
    main.setAttribute("aria-busy", "true");
    try {
      const wanted = new URL(address, location.href);
      const answer = await fetch(`${wanted.pathname}${wanted.search}`, { headers: { "x-persync-script": "draws" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== latest) return;
      const content = page.getElementById("main");
      if (!content) { location.assign(address); return; }
      main.replaceChildren(...content.childNodes);
      for (const kept of [".filters", ".parts", ".bar"]) {
        const [before, after] = [document.querySelector(kept), page.querySelector(kept)];
        if (before && after) before.replaceChildren(...after.childNodes);
      }
      showPlace();
      document.title = page.title;
      document.getElementById("told").textContent = `Shown anew: ${page.title}`;
      if (remember) history.pushState(null, "", wanted);
      plotAll(main);
    } catch {
      location.assign(address);
    } finally {
      if (mine === latest) main.removeAttribute("aria-busy");
    }
  }

  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    show(`${form.getAttribute("action")}?${query()}`, { remember: true });
  });
  form?.addEventListener("change", (event) => {
    // Half a period is none yet.
    const [first, last] = [form.elements.from.value, form.elements.to.value];
    if (event.target.type === "date" && (!first || !last || first > last)) return;
    form.requestSubmit();
  });
  form?.addEventListener("click", (event) => {
    const link = event.target.closest(".presets a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(link.href, { remember: true });
  });
  window.addEventListener("popstate", () => location.reload());

  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => plotAll(main), 150);
  });
  showPlace();
  plotAll(main);
})();
