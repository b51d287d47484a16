import Foundation

/// A report as one HTML page that needs nothing from elsewhere.
struct ReportPage {
    let title: String
    let verdict: String
    let mood: Mood
    let facts: [String]
    let chapters: [(title: String, parts: [ReportPart])]

    /// What the verdict's bar says at a glance.
    enum Mood: String {
        case calm, alarm
        /// Nothing is open, and something could not alarm.
        case unwatched
    }

    var html: String {
        let chapters = chapters.map { chapter in
            """
            <h2>\(chapter.title.escaped)</h2>
            <div class="grid">\(chapter.parts.map(\.html).joined(separator: "\n"))</div>
            """
        }.joined(separator: "\n")
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
            <title>\(title.escaped)</title>
            <style>\(ReportPage.style)</style>
            </head>
            <body>
            <header>
            <h1>\(title.escaped)</h1>
            <p class="verdict \(mood.rawValue)">\(verdict.escaped)</p>
            <ul class="facts">\(facts.map { "<li>\($0.escaped)</li>" }.joined())</ul>
            </header>
            <main>
            \(chapters)
            </main>
            <footer>Research software: a score to pre-screen with, never a diagnosis.</footer>
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --card: #f6f8fa;
          --c1: #0b62c4; --c2: #b35900; --c3: #1a7f37; --c4: #8250df; --limit: #c11c28; }
        @media (prefers-color-scheme: dark) { :root { --back: #0e1116; --text: #e6edf3; --soft: #9da7b1; --line: #30363d;
          --card: #161b22; --c1: #6cb0ff; --c2: #f0a860; --c3: #56c271; --c4: #c3a1ff; --limit: #ff7b72; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 1rem; max-width: 1240px; background: var(--back); color: var(--text);
          font: 16px/1.45 system-ui, sans-serif; }
        h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
        h3 { font-size: 1rem; margin: 0 0 .4rem; }
        .verdict { font-size: 1.35rem; line-height: 1.3; margin: .6rem 0; padding-left: .8rem; border-left: 6px solid var(--c3); }
        .verdict.alarm { border-left-color: var(--limit); } .verdict.unwatched { border-left-color: var(--soft); }
        .facts { padding-left: 1.1rem; color: var(--soft); margin: .3rem 0; overflow-wrap: anywhere; }
        .grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem; min-width: 0;
          break-inside: avoid; }
        section.wide { grid-column: 1 / -1; }
        section p { margin: .2rem 0 .5rem; color: var(--soft); font-size: .9rem; }
        svg { width: 100%; height: auto; max-width: 460px; display: block; }
        .tick { font-size: 11px; fill: var(--soft); } .grid line, line.grid { stroke: var(--line); }
        .line { fill: none; stroke-width: 2; } .band, .bar { opacity: .35; }
        .c1 { stroke: var(--c1); fill: var(--c1); } .c2 { stroke: var(--c2); fill: var(--c2); }
        .c3 { stroke: var(--c3); fill: var(--c3); } .c4 { stroke: var(--c4); fill: var(--c4); }
        .limit { stroke: var(--limit); fill: var(--limit); } .line { fill: none !important; }
        .band, .bar { stroke: none; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; width: 100%; }
        th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        th { color: var(--soft); font-weight: 600; white-space: nowrap; }
        td { font-variant-numeric: tabular-nums; }
        summary { cursor: pointer; font-size: .85rem; color: var(--soft); padding: .3rem 0; }
        .gallery { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; width: 140px; }
        figure img { image-rendering: pixelated; border: 1px solid var(--line); display: block; }
        figcaption { font-size: .78rem; color: var(--soft); overflow-wrap: anywhere; }
        footer { margin-top: 2rem; color: var(--soft); font-size: .85rem; }
        @media screen and (max-width: 600px) {
          thead { display: none; } td:empty { display: none; }
          tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
          td { display: block; border: 0; padding: .1rem 0; overflow-wrap: anywhere; }
          td:first-child { font-weight: 600; }
          td:not(:first-child)::before { content: attr(data-column) ": "; color: var(--soft); } }
        @media print { :root { --back: #fff; --text: #000; --soft: #444; --line: #bbb; --card: #fff; }
          body { max-width: none; font-size: 11pt; } .grid { display: block; } section { margin-bottom: .8rem; }
          svg { max-width: 10cm; } h2, h3, section p, svg { break-after: avoid; } tr { break-inside: avoid; }
          section.wide, section:has(details) { break-inside: auto; } summary { display: none; }
          details::details-content { content-visibility: visible; display: block; }
          .scroll { overflow: visible; } details table { font-size: 7pt; } details td:first-child { white-space: nowrap; }
          details th, details td { padding: 0 .8em 0 0; } }
        """
}

/// RFC 4648.
func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
