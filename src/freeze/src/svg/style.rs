//! The looks of a drawing, for light and for dark pages. Nothing is told by a colour alone.

/// The style sheet. Colours stand twice, since not every viewer knows variables.
pub(super) const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#24292f}
.title{font-size:16px;font-weight:bold}
.head{font-size:14px;font-weight:bold}
.box text,.name{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}
.soft{fill:#57606a}
.page{fill:#ffffff}
.level{fill:#f3f5f7}
.box rect{fill:#ffffff;stroke:#8c959f}
.box .note{fill:#8a4600;font-style:italic}
.alone rect{stroke-dasharray:5 3;fill:#fff6e0;stroke:#9a6700}
.critical rect{stroke-width:3;stroke:#cf222e}
.critical text{font-weight:bold}
.bar{fill:#0550ae;stroke:none}
.edge{fill:none;stroke:#8c959f;stroke-width:1.2}
.chain{fill:none;stroke:#0550ae;stroke-width:2.4}
.rail{fill:none;stroke:#6e7781;stroke-width:5;stroke-linecap:round}
.stem{fill:none;stroke:#6e7781;stroke-width:2}
.reach{stroke-opacity:0;stroke-width:9;pointer-events:stroke}
.light{fill:none;stroke:#bf3989;stroke-width:3;visibility:hidden;pointer-events:none}
.box:hover .light{visibility:visible}
.box:hover rect{stroke:#bf3989}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.soft{fill:#9aa4af}
.page{fill:#0d1117}
.level{fill:#161b22}
.box rect{fill:#0d1117;stroke:#768390}
.box .note{fill:#f0b072}
.alone rect{fill:#2b2111;stroke:#d29922}
.critical rect{stroke:#ff7b72}
.bar{fill:#79b8ff}
.edge{stroke:#768390}
.chain{stroke:#79b8ff}
.rail,.stem{stroke:#9aa4af}
.light{stroke:#f778ba}
.box:hover rect{stroke:#f778ba}
}
";
