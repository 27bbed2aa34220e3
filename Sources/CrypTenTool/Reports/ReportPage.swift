import CrypTen
import Foundation

/// A report as one HTML file: a heading, totals, and what there is to see.
///
/// It refers to nothing outside of itself, holds no script, and is light or dark as the reader's system is.
struct ReportPage {
    /// What it is of; any text.
    var title: String
    /// The subcommand that writes it.
    var command: String
    var subtitle: String
    /// Names and values; any text.
    var totals: [(name: String, value: String)]
    /// What follows the totals, as HTML.
    var body: String
    /// What follows all, as HTML.
    var notes: [String]

    /// Writes it.
    ///
    /// - Throws: `.fileNotReadable` where the file can't be written.
    func write(to path: String) throws {
        do {
            try Data(html.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CrypTenError(.fileNotReadable, "the report \(path) can't be written", cause: error)
        }
    }

    /// The file's text.
    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title.escaped) – crypten \(command)</title>
        <style>
        \(ReportPage.style)
        </style>
        </head>
        <body>
        <header><h1>\(title.escaped)</h1><p>\(subtitle.escaped)</p></header>
        <dl class="totals">
        \(totals.map { "<div><dt>\($0.name.escaped)</dt><dd>\($0.value.escaped)</dd></div>" }.joined(separator: "\n"))
        </dl>
        \(body)
        <footer><p>\(notes.joined(separator: "</p><p>"))</p></footer>
        </body>
        </html>

        """
    }

    private static let style = """
        :root { --ink: #1c1e21; --quiet: #62666d; --paper: #fff; --rule: #e4e6ea; --track: #eef0f3; --bar: #3b6fd4;
          --computing: #3b6fd4; --latency: #d98a1f; --bandwidth: #2a9d74; --dealer: #9a5bc4; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --quiet: #9aa0a8; --paper: #16181b; --rule: #2b2f35;
          --track: #23272c; --bar: #6d9bf1; --computing: #6d9bf1; --latency: #e7a94f; --bandwidth: #4fbf97; --dealer: #b98ad9; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 2rem 1.25rem; max-width: 72rem; color: var(--ink); background: var(--paper);
          font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums; }
        h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
        h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
        summary { margin: 1rem 0 .5rem; cursor: pointer; }
        header p, footer { color: var(--quiet); }
        header p { margin: .25rem 0 1.5rem; }
        footer { margin-top: 1.5rem; max-width: 48rem; font-size: .87rem; }
        .totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 0 1.5rem; }
        .totals div { padding: .7rem .9rem; border: 1px solid var(--rule); border-radius: .5rem; }
        dt { color: var(--quiet); font-size: .82rem; }
        dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
        .parts { margin: 0 0 1.75rem; }
        .stack { display: flex; height: 1rem; border-radius: .25rem; overflow: hidden; background: var(--track); }
        .stack i { display: block; height: 100%; }
        .parts ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 0; padding: 0; list-style: none;
          font-size: .87rem; }
        .parts li i { display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; border-radius: .15rem; }
        .computing { background: var(--computing); } .latency { background: var(--latency); }
        .bandwidth { background: var(--bandwidth); } .dealer { background: var(--dealer); }
        table { width: 100%; border-collapse: collapse; }
        thead th { position: sticky; top: 0; padding: .5rem .5rem; background: var(--paper); color: var(--quiet);
          font-size: .82rem; font-weight: 500; text-align: left; border-bottom: 1px solid var(--rule); }
        tbody th { max-width: 18rem; padding: .3rem .5rem .3rem 0; font-weight: 500; text-align: left;
          overflow-wrap: anywhere; }
        td { min-width: 8rem; padding: .3rem .5rem; vertical-align: top; }
        tbody tr { border-bottom: 1px solid var(--rule); }
        td span { display: block; font-size: .87rem; }
        td b { display: block; height: .35rem; border-radius: .2rem; background: var(--track); overflow: hidden; }
        td i { display: block; height: 100%; border-radius: .2rem; background: var(--bar); }
        svg { display: block; width: 100%; height: auto; margin: .5rem 0 0; color: var(--quiet); }
        svg text { fill: var(--quiet); font-size: 11px; }
        svg .grid { stroke: var(--rule); stroke-width: 1; }
        svg .each { fill: none; stroke: var(--track); stroke-width: 1; }
        svg .mean { fill: none; stroke: var(--bar); stroke-width: 2; stroke-linejoin: round; }
        svg circle { fill: var(--bar); }
        @media print { thead th { position: static; } }
        """
}
