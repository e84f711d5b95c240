/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/style.h"

/* clang-format off */

#define LIGHT \
  "--page:#f5f6f8;--card:#ffffff;--text:#1b1f24;--mute:#57606a;--line:#d3d9e0;" \
  "--link:#0a53be;--axis:#6b7480;--grid:#e6e9ed;--open:#eceff3;" \
  "--good:#14602f;--good-bg:#dcf5e3;--fals:#873a00;--fals-bg:#ffead4;" \
  "--unkn:#4a5260;--unkn-bg:#e7eaef;--time:#45448a;--time-bg:#e9e8fb;" \
  "--unsu:#5b4a00;--unsu-bg:#f5eec6;--bad:#a1121b;--bad-bg:#ffe1e1;" \
  "--k0:#0b62c4;--k1:#c2500a;--k2:#0f7a56;--k3:#8a3fb5;" \
  "--k4:#b0005a;--k5:#00707c;--k6:#7a5c00;--k7:#5f6773;"

#define DARK \
  "--page:#0f1318;--card:#171c23;--text:#e7ecf2;--mute:#a3adb9;--line:#323a44;" \
  "--link:#7ab7ff;--axis:#8b949e;--grid:#262d36;--open:#242b34;" \
  "--good:#7ee2a0;--good-bg:#12351f;--fals:#ffb77a;--fals-bg:#3d2409;" \
  "--unkn:#bcc5d1;--unkn-bg:#2a313b;--time:#c3c1ff;--time-bg:#2a2a4d;" \
  "--unsu:#ead98a;--unsu-bg:#35300f;--bad:#ff9ea0;--bad-bg:#481719;" \
  "--k0:#6cb2ff;--k1:#ff9d5c;--k2:#4fd1a5;--k3:#d0a2f2;" \
  "--k4:#ff86b8;--k5:#5fd0dc;--k6:#e0c050;--k7:#aab2bf;"

#define BOXES \
  "*{box-sizing:border-box}" \
  "html{color-scheme:light dark;scroll-padding-top:1rem}" \
  "body{margin:0 auto;padding:1.2rem 1rem 4rem;max-width:76rem;background:var(--page);" \
  "color:var(--text);font:16px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;" \
  "overflow-wrap:anywhere}" \
  "h1{font-size:1.6rem;line-height:1.2;margin:.2rem 0 .2rem}" \
  "h2{font-size:1.2rem;margin:2.2rem 0 .7rem}" \
  "h3{font-size:1rem;margin:1.6rem 0 .4rem}" \
  "h4{font-size:1rem;margin:1.2rem 0 .2rem}" \
  "a{color:var(--link)}p{margin:.4rem 0}" \
  ".note,.sub{color:var(--mute);font-size:.875rem}" \
  "code{font:.85em ui-monospace,'DejaVu Sans Mono',monospace}" \
  ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem}" \
  ".alarm{background:var(--bad-bg);color:var(--bad);border:2px solid var(--bad);" \
  "border-radius:10px;padding:.8rem 1rem;margin:1rem 0}" \
  ".card h2{margin-top:0}.alarm h2{margin:0 0 .3rem}.alarm a{color:inherit}.alarm ul{margin:.3rem 0;padding-left:1.2rem}" \
  ".bad{color:var(--bad)}.good{color:var(--good)}"

#define SUMMARY \
  ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.4rem,1fr));gap:.6rem;" \
  "margin:1rem 0;padding:0;list-style:none}" \
  ".tiles li{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--tone);" \
  "border-radius:8px;padding:.5rem .8rem}" \
  ".tiles b{display:block;white-space:nowrap;font-size:1.7rem;line-height:1.15;color:var(--tone)}" \
  ".tiles span{color:var(--mute);font-size:.875rem}" \
  ".bar{display:flex;height:14px;border-radius:7px;overflow:hidden;gap:2px;margin:.6rem 0}" \
  ".bar i{background:var(--tone);min-width:3px}" \
  ".verified{--tone:var(--good);--soft:var(--good-bg)}.falsified{--tone:var(--fals);--soft:var(--fals-bg)}" \
  ".unknown{--tone:var(--unkn);--soft:var(--unkn-bg)}.timeout{--tone:var(--time);--soft:var(--time-bg)}" \
  ".unsupported{--tone:var(--unsu);--soft:var(--unsu-bg)}.error{--tone:var(--bad);--soft:var(--bad-bg)}" \
  ".solved{--tone:var(--text)}" \
  ".chip{display:inline-block;background:var(--soft);color:var(--tone);border-radius:999px;" \
  "padding:.05rem .6rem;font-size:.8125rem;font-weight:600;white-space:nowrap}"

#define TABLES \
  ".wide{overflow-x:auto;margin:.8rem 0;max-width:100%}" \
  ".wide:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid var(--k0);outline-offset:2px}" \
  "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.875rem;overflow-wrap:normal}" \
  ".full table{width:100%}" \
  "caption{text-align:left;font-weight:600;padding:.2rem 0}" \
  "th,td{padding:.25rem .45rem;border-bottom:1px solid var(--line);white-space:nowrap}" \
  "td,.n{text-align:right}td.l,th{text-align:left}th.n{text-align:right}" \
  "thead th{color:var(--mute);font-weight:600;vertical-align:bottom}" \
  "tbody th{font-weight:500}tfoot td,tfoot th{font-weight:700;border-bottom:0}" \
  "th button{all:unset;cursor:pointer}th button:focus-visible{outline:3px solid var(--k0)}"

#define PLOTS \
  ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem}" \
  "figure{margin:0;min-width:0}.plots figure{max-width:44rem;background:var(--card);border:1px solid var(--line);" \
  "border-radius:10px;padding:.8rem}" \
  "figcaption{font-weight:600}svg{display:block;width:100%;height:auto}" \
  "svg .g{stroke:var(--grid);fill:none}svg .a{stroke:var(--axis);fill:none}" \
  "svg .r{stroke:var(--axis);fill:none;stroke-dasharray:4 4}" \
  "svg .t{fill:var(--mute);font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:4px}.tm{text-anchor:middle}.tr{text-anchor:end}" \
  "svg .c{fill:none;stroke-width:2.2;stroke-linejoin:round}svg .open{fill:var(--open)}" \
  "svg .m{fill-opacity:.75;stroke:var(--card);stroke-width:.6}svg a:focus .m,svg a:hover .m{fill-opacity:1;stroke:var(--text);stroke-width:2}" \
  ".c.k0{stroke:var(--k0)}.c.k1{stroke:var(--k1);stroke-dasharray:8 3}.c.k2{stroke:var(--k2);stroke-dasharray:3 3}" \
  ".c.k3{stroke:var(--k3);stroke-dasharray:10 3 2 3}.c.k4{stroke:var(--k4)}.c.k5{stroke:var(--k5);stroke-dasharray:8 3}" \
  ".c.k6{stroke:var(--k6);stroke-dasharray:3 3}.c.k7{stroke:var(--k7);stroke-dasharray:10 3 2 3}" \
  ".m.k0{fill:var(--k0)}.m.k1{fill:var(--k1)}.m.k2{fill:var(--k2)}.m.k3{fill:var(--k3)}" \
  ".m.k4{fill:var(--k4)}.m.k5{fill:var(--k5)}.m.k6{fill:var(--k6)}.m.k7{fill:var(--k7)}" \
  ".legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;margin:.5rem 0;padding:0;font-size:.875rem}" \
  ".legend svg{display:inline-block;width:auto;height:12px;margin-right:.35rem;vertical-align:-1px}" \
  ".trace{max-width:34rem}.gauge{width:64px;height:10px}"

#define RUNS \
  ".filter{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin:.5rem 0 1rem;border:0;padding:0;min-width:0}" \
  ".filter label{display:inline-flex;gap:.35rem;align-items:center;min-height:2rem}" \
  ".filter input[type=search]{font:inherit;padding:.3rem .6rem;border:1px solid var(--axis);border-radius:6px;" \
  "background:var(--card);color:inherit;width:min(100%,20rem)}" \
  ".runs{content-visibility:auto;contain-intrinsic-size:auto 30rem}" \
  ".run{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.3rem 0}" \
  ".run.wrong{border:2px solid var(--bad)}.run:target{outline:3px solid var(--k0)}" \
  "summary{cursor:pointer;display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline;padding:.4rem .8rem}" \
  "summary::before{content:'\\25B8';color:var(--mute)}[open]>summary::before{content:'\\25BE'}" \
  "summary::-webkit-details-marker{display:none}" \
  "summary .chip{min-width:6.4rem;text-align:center}.who{flex:1 1 14rem;min-width:0}" \
  ".prop{color:var(--mute);margin-left:.8rem;font-size:.9rem}.time{font-variant-numeric:tabular-nums;white-space:nowrap}" \
  ".body{padding:.2rem .8rem 1rem;border-top:1px solid var(--line)}" \
  ".facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10rem),1fr));gap:.4rem 1.2rem;margin:.8rem 0}" \
  "dt{color:var(--mute);font-size:.8125rem}dd{margin:0}" \
  ".pictures{display:flex;flex-wrap:wrap;gap:1rem;margin:.6rem 0}.px{width:9.5rem}" \
  ".px img{width:100%;height:auto;image-rendering:pixelated;border:1px solid var(--line);background:#fff}" \
  ".px figcaption{font-weight:400;font-size:.8125rem;color:var(--mute);overflow-wrap:normal}" \
  "[hidden]{display:none}" \
  "body:has(#f-verified:not(:checked)) .run.verified,body:has(#f-falsified:not(:checked)) .run.falsified," \
  "body:has(#f-unknown:not(:checked)) .run.unknown,body:has(#f-timeout:not(:checked)) .run.timeout," \
  "body:has(#f-unsupported:not(:checked)) .run.unsupported,body:has(#f-error:not(:checked)) .run.error{display:none}"

#define NARROW \
  "@media(max-width:30rem){body{padding:.8rem .6rem 3rem}.plots figure{padding:.5rem}" \
  ".prop{display:block;margin:0}.who{flex-basis:100%;order:3}.time{margin-left:auto}.tiles b{font-size:1.4rem}" \
  ".facts{grid-template-columns:repeat(2,1fr)}svg .t{font-size:15px}" \
  ".pictures{gap:.5rem}.px{width:calc((100% - 1rem)/3)}.px figcaption{font-size:.75rem}}"

#define PRINT \
  "@media print{body{max-width:none;font-size:10pt;padding:0}.filter{display:none}" \
  ".run,.plots figure,.tiles li,tr{break-inside:avoid}h2,h3{break-after:avoid}" \
  ".runs{content-visibility:visible}.wide{overflow:visible}a{color:inherit;text-decoration:none}" \
  "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}"

const char style_sheet[] =
  ":root{" LIGHT "}@media(prefers-color-scheme:dark){:root{" DARK "}}" BOXES SUMMARY
  TABLES PLOTS RUNS NARROW PRINT;

const char style_script[] =
  "'use strict';"
  "const all=document.querySelectorAll('.run'),box=document.querySelector('.filter');"
  /* Find runs by their names. */
  "if(box&&all.length>9){"
  "const find=document.createElement('input');find.type='search';"
  "find.placeholder='part of a name';find.setAttribute('aria-label','show runs whose name contains');"
  "find.oninput=()=>{const w=find.value.toLowerCase();"
  "for(const r of all)r.hidden=!(r.firstElementChild.textContent+r.parentElement.id).toLowerCase().includes(w)};"
  "box.append(find)}"
  /* Open the run that a link points to. */
  "const open=()=>{const r=document.getElementById(location.hash.slice(1));"
  "if(r&&r.tagName==='DETAILS'){r.open=true;r.hidden=false;r.scrollIntoView()}};"
  "addEventListener('hashchange',open);open();"
  /* Sort tables by a column. */
  "for(const t of document.querySelectorAll('table.sort')){"
  "const body=t.tBodies[0];[...t.tHead.rows[0].cells].forEach((h,i)=>{"
  "const b=document.createElement('button');b.append(...h.childNodes);h.append(b);let up=i===0?1:-1;"
  "b.onclick=()=>{const key=r=>r.cells[i].dataset.v??r.cells[i].textContent;"
  "const c=(a,z)=>isNaN(key(a))||isNaN(key(z))?String(key(a)).localeCompare(key(z)):key(a)-key(z);"
  "body.append(...[...body.rows].sort((a,z)=>up*c(a,z)));"
  "for(const o of t.tHead.rows[0].cells)o.removeAttribute('aria-sort');"
  "h.setAttribute('aria-sort',up>0?'ascending':'descending');up=-up}})}";

const char style_script_digest[] = "uroTU+NcrXRig5B71J3vHYvj5glRq22jEGaRossv1Bw=";

/* clang-format on */
