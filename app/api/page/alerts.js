/** The list of the alerts of a call. */

import { byId, make } from "./dom.js";
import { capitalized } from "./emotions.js";
import { clock } from "./time.js";
import { findRow } from "./rows.js";

/**
 * Lists alerts. A click goes to the segment in which the alert starts.
 *
 * @param {object[]} alerts in order of time.
 * @param {Row[]} rows
 * @param {Timeline} timeline
 */
export function showAlerts(alerts, rows, timeline) {
  byId("alerts").hidden = !alerts.length;
  byId("alerts-count").textContent = alerts.length;
  byId("alerts-list").replaceChildren(
    ...alerts.map((alert) => {
      const row = findRow(rows, alert);
      const button = item(alert, row);
      button.addEventListener("click", () => timeline.goTo(row, alert.start));
      return make("li", {}, button);
    }),
  );
}

function item({ rule, severity, description, end }, row) {
  const where = make("span.alert-where.quiet", {}, "Call");
  row?.nameIn(where);
  return make(
    "button.alert",
    { type: "button", "data-severity": severity },
    make("span.alert-severity", {}, capitalized(severity)),
    " ",
    make("span.number", {}, clock(end)),
    " ",
    where,
    " ",
    make("span.alert-text", {}, make("span.alert-rule", {}, rule), " ", make("span.quiet", {}, description ?? "")),
  );
}
