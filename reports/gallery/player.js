"use strict";
/* Plays the videos of a row together: one button a row, one voice at a time. */
for (const row of document.querySelectorAll(".row")) {
  const videos = [...row.querySelectorAll("video")];
  const play = row.querySelector(".play");
  const isPlaying = () => play.getAttribute("aria-pressed") === "true";
  const show = (playing) => play.setAttribute("aria-pressed", String(playing));

  const listenTo = (chosen) => {
    for (const video of videos) {
      video.muted = video !== chosen;
      video.parentElement.querySelector(".listen").setAttribute("aria-pressed", String(video === chosen));
    }
  };
  const stop = () => {
    videos.forEach((video) => video.pause());
    show(false);
  };
  const start = () => {
    document.dispatchEvent(new CustomEvent("row-starts", { detail: row }));
    for (const video of videos) {
      video.currentTime = 0;
      video.play().catch(() => show(false));
    }
    show(true);
  };

  listenTo(row.querySelector("video[data-voice]"));
  play.addEventListener("click", () => (isPlaying() ? stop() : start()));
  document.addEventListener("row-starts", (event) => event.detail !== row && isPlaying() && stop());
  for (const video of videos) {
    video.addEventListener("ended", () => videos.every((other) => other.ended) && show(false));
    video.addEventListener("click", () => play.click());
    video.parentElement.querySelector(".listen").addEventListener("click", () => listenTo(video));
  }
}
