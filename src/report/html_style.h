// SPDX-License-Identifier: GPL-3.0-or-later
/* The style sheet of the HTML report: inside the page, as the page must stand alone in a mail. */
#ifndef REPORT_HTML_STYLE_H
#define REPORT_HTML_STYLE_H

static const char html_style[] =
	":root{--ink:#1c2126;--soft:#59636e;--page:#f6f7f8;--card:#fff;--line:#d8dde2;--good:#176b37;--bad:#b3261e;"
	"--doubt:#855300;--goodbg:#e3f3e8;--badbg:#fbe7e5;--doubtbg:#fbf0dc;"
	"--waived:#6d28a8;--waivedbg:#f0e6fa}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a0a9b2;--page:#14171a;--card:#1d2125;"
	"--line:#363c42;--good:#74d695;--bad:#ff9d94;--doubt:#f2bd66;--goodbg:#17321f;"
	"--badbg:#43201d;--doubtbg:#3a2c12;--waived:#cba6f7;--waivedbg:#32204a}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:70rem;padding:1.5rem;background:var(--page);color:var(--ink);"
	"font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
	"h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2rem 0 .75rem}"
	"h3{font-size:1rem;margin:1.25rem 0 .25rem}\n"
	"p{margin:.25rem 0 .75rem}.soft{color:var(--soft)}\n"
	".counts{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none;padding:0;margin:1.25rem 0}\n"
	".counts li{flex:1 1 7rem;padding:.75rem 1rem;border-radius:.5rem;"
	"border:1px solid var(--line);background:var(--card)}\n"
	".counts b{display:block;font-size:2.2rem;line-height:1.1}\n"
	"table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line)}\n"
	"th,td{padding:.5rem .75rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);"
	"overflow-wrap:anywhere}\n"
	"th{font-weight:600;white-space:nowrap;overflow-wrap:normal}td.num{text-align:right;white-space:nowrap}"
	"th.num{text-align:right}td.name{min-width:8rem}td.fix{white-space:nowrap;overflow-wrap:normal}"
	"td:last-child{min-width:15rem}a{color:inherit}\n"
	".tag{display:inline-block;padding:0 .5rem;border-radius:.75rem;font-weight:600;white-space:nowrap}\n"
	".good{color:var(--good)}.bad{color:var(--bad)}.doubt{color:var(--doubt)}"
	".waived{color:var(--waived)}.tag.waived{background:var(--waivedbg)}\n"
	".tag.good{background:var(--goodbg)}.tag.bad{background:var(--badbg)}.tag.doubt{background:var(--doubtbg)}\n"
	".scroll{overflow-x:auto}\n"
	"details{background:var(--card);border:1px solid var(--line);"
	"border-radius:.5rem;padding:.5rem 1rem;margin:.75rem 0}\n"
	"summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.75rem 0}dt{color:var(--soft)}"
	"dd{margin:0;overflow-wrap:anywhere}\n"
	".small{font-size:.85rem}\n"
	"@media print{:root{--ink:#000;--soft:#444;--page:#fff;--card:#fff;--line:#999;--good:#0b5526;--bad:#8c130c;"
	"--doubt:#633d00;--waived:#4b1a78}body{max-width:none;padding:0;font-size:11pt}details,tr{break-inside:avoid}"
	".tag{border:1px solid}}\n";

#endif
