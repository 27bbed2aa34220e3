import CrypTen
import Foundation

/// A plan's report as one HTML file: totals, and a bar for every layer and every kind of cost.
///
/// It refers to nothing outside of itself, holds no script, and is light or dark as the reader's system is.
struct PlanPage {
    private let report: PlanReport
    private let title: String

    /// - Parameter title: What was planned; any text.
    init(_ report: PlanReport, title: String) {
        self.report = report
        self.title = title
    }

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
        <title>\(title.escaped) – crypten plan</title>
        <style>
        \(PlanPage.style)
        </style>
        </head>
        <body>
        <header><h1>\(title.escaped)</h1><p>\(subtitle.escaped)</p></header>
        <dl class="totals">
        \(totals.map(total).joined(separator: "\n"))
        </dl>
        \(timeBar)
        <table>
        <thead><tr><th scope="col">layer</th>\(columns.map { "<th scope=\"col\">\($0.name)</th>" }.joined())</tr></thead>
        <tbody>
        \(rows.joined(separator: "\n"))
        </tbody>
        </table>
        \(constants)
        <footer><p>\(notes.joined(separator: "</p><p>"))</p></footer>
        </body>
        </html>

        """
    }

    // MARK: Totals

    private var subtitle: String {
        let place = report.network == "loop" ? "on one machine" : "a machine each"
        let network = report.network.map { ", network “\($0)”, \(place)" } ?? ""
        return "\(report.parties) parties and a dealer\(network)"
    }

    private var totals: [(name: String, value: String)] {
        let online = report.onlineBytesPerParty.max() ?? 0
        let setup = report.setupBytesPerParty.max() ?? 0
        var totals = [
            ("rounds", report.rounds.grouped),
            ("online, a party", online.bytes),
            ("dealer", report.dealerBytes.bytes),
            ("setup, once", setup.bytes),
            ("multiply-accumulates", Double(report.multiplyAccumulates).scaled),
        ]
        if let seconds = report.predictedSeconds { totals.insert(("predicted time", seconds.duration), at: 0) }
        return totals
    }

    private func total(_ total: (name: String, value: String)) -> String {
        "<div><dt>\(total.name)</dt><dd>\(total.value.escaped)</dd></div>"
    }

    /// What the predicted time goes to, as one bar.
    private var timeBar: String {
        guard let parts = report.predictedParts, let whole = report.predictedSeconds, whole > 0 else { return "" }
        let named = [
            ("computing", parts.computing), ("latency", parts.latency), ("bandwidth", parts.bandwidth),
            ("dealer", parts.dealer),
        ]
        let pieces = named.map { "<i class=\"\($0)\" style=\"width:\(($1 / whole).percent)\"></i>" }.joined()
        let legend = named.map { "<li><i class=\"\($0)\"></i>\($0) \($1.duration)</li>" }.joined()
        return "<div class=\"parts\"><div class=\"stack\">\(pieces)</div><ul>\(legend)</ul></div>"
    }

    // MARK: Layers

    /// One kind of cost.
    private struct Column {
        var name: String
        var value: (PlanReport.Layer) -> Double
        var text: (PlanReport.Layer) -> String
    }

    private var columns: [Column] {
        var columns = [
            Column(name: "rounds", value: { Double($0.rounds) }, text: { $0.rounds.grouped }),
            Column(name: "online bytes, a party", value: { Double($0.online) }, text: { $0.online.bytes }),
            Column(name: "dealer bytes", value: { Double($0.dealerBytes) }, text: { $0.dealerBytes.bytes }),
            Column(name: "right below", value: { _ in 0 }, text: { $0.magnitudeExponent.map { "2^\($0)" } ?? "–" }),
        ]
        if report.predictedSeconds != nil {
            columns.append(Column(name: "time", value: { $0.seconds ?? 0 }, text: { $0.seconds?.duration ?? "–" }))
        }
        return columns
    }

    private var rows: [String] {
        let largest = columns.map { column in report.layers.map(column.value).max() ?? 0 }
        return report.layers.map { layer in
            let cells = zip(columns, largest).map { column, largest in
                let share = largest > 0 ? column.value(layer) / largest : 0
                return """
                    <td><span>\(column.text(layer).escaped)</span>\
                    <b><i style="width:\(share.percent)"></i></b></td>
                    """
            }
            return "<tr><th scope=\"row\">\(layer.name.escaped)</th>\(cells.joined())</tr>"
        }
    }

    // MARK: Constants

    /// What all parties will see of the model, and what they won't, each with the rule that made it so.
    private var constants: String {
        let seen = report.constants.filter { $0.visibility == .public }
        let secret = report.constants.filter { $0.visibility != .public }
        if report.constants.isEmpty { return "" }
        return """
            <section><h2>Constants of the model</h2>
            <p>\(seen.isEmpty ? "Parties other than the model’s owner see none." : "All parties will see these:")</p>
            \(constantTable(seen))
            \(secret.isEmpty ? "" : "<details><summary>\(secret.count.grouped) secret</summary>\(constantTable(secret))</details>")
            </section>
            """
    }

    private func constantTable(_ constants: [PlanReport.Constant]) -> String {
        if constants.isEmpty { return "" }
        let rows = constants.map { constant in
            let numbers = constant.shape.reduce(1, *)
            return """
                <tr><th scope="row">\(constant.name.escaped)</th><td>\(constant.type.escaped) \("\(constant.shape)".escaped)</td>\
                <td>\(numbers.grouped)</td><td>\(constant.reason.escaped)</td></tr>
                """
        }
        let head = ["constant", "type and shape", "numbers", "because"].map { "<th scope=\"col\">\($0)</th>" }.joined()
        return "<table><thead><tr>\(head)</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table>"
    }

    private var notes: [String] {
        var notes = [
            """
            Bars are relative to the largest layer of their column. Rounds and bytes are exact, frame headers included; \
            where parties differ, the largest figure stands.
            """
        ]
        if report.predictedSeconds != nil {
            notes.append(
                """
                The time is a prediction: the computing of every member, measured on the machine that wrote this, and the \
                network's speed and round trips. A layer's time is what the party that finishes last spends on it, waiting \
                included. In the upper bar, “dealer” is time in which parties wait for corrections, for the dealer's \
                computing or its link.
                """
            )
        }
        return notes
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
        @media print { thead th { position: static; } }
        """
}

extension PlanReport.Layer {
    /// The largest party's online bytes.
    fileprivate var online: Int {
        onlineBytesPerParty.max() ?? 0
    }
}

extension String {
    /// For text and for attributes in quotes.
    fileprivate var escaped: String {
        var out = ""
        for character in self {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.append(character)
            }
        }
        return out
    }
}

extension Int {
    /// A number of bytes for people: 58.7 MB.
    fileprivate var bytes: String {
        self < 1000 ? "\(self) B" : Double(self).scaled + "B"
    }
}

extension Double {
    /// Three digits and a prefix: 1.81 G.
    fileprivate var scaled: String {
        var (value, prefixes) = (self, ["", "k", "M", "G", "T", "P"][...])
        while value >= 999.5, prefixes.count > 1 {
            value /= 1000
            prefixes.removeFirst()
        }
        let digits = prefixes.first == "" ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        return "\(value.fixed(digits)) \(prefixes.first ?? "")"
    }

    /// Seconds for people: 12.3 ms.
    fileprivate var duration: String {
        if self >= 99.95 { return "\(fixed(0)) s" }
        if self >= 0.9995 { return "\(fixed(self < 9.995 ? 2 : 1)) s" }
        if self >= 0.9995e-3 { return "\((self * 1000).fixed(self < 9.995e-3 ? 2 : self < 99.95e-3 ? 1 : 0)) ms" }
        return "\((self * 1e6).fixed(0)) µs"
    }

    /// A share as CSS has it.
    fileprivate var percent: String {
        (self * 100).fixed(2) + "%"
    }
}
