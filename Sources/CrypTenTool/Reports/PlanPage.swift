import CrypTen

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
        try page.write(to: path)
    }

    /// The file's text.
    var html: String {
        page.html
    }

    private var page: ReportPage {
        ReportPage(
            title: title,
            command: "plan",
            subtitle: subtitle,
            totals: totals,
            body: """
                \(timeBar)
                <table>
                <thead><tr><th scope="col">layer</th>\(columns.map { "<th scope=\"col\">\($0.name)</th>" }.joined())</tr></thead>
                <tbody>
                \(rows.joined(separator: "\n"))
                </tbody>
                </table>
                \(constants)
                """,
            notes: notes
        )
    }

    // MARK: Totals

    private var subtitle: String {
        let place = report.network == "loop" ? "on one machine" : "a machine each"
        let network = report.network.map { ", network “\($0)”, \(place)" } ?? ""
        return "\(report.parties) parties\(report.offline == nil ? " and a dealer" : ", no dealer")\(network)"
    }

    private var totals: [(name: String, value: String)] {
        let online = report.onlineBytesPerParty.max() ?? 0
        let setup = report.setupBytesPerParty.max() ?? 0
        var totals = [
            ("rounds", report.rounds.grouped),
            ("online, a party", online.bytes),
            ("setup, once", setup.bytes),
            ("multiply-accumulates", Double(report.multiplyAccumulates).scaled),
        ]
        if let device = report.device {
            totals += [("kernel calls, party 0", device.launches.grouped), ("its device", device.seconds.duration)]
        }
        if let offline = report.offline {
            totals.insert(
                contentsOf: [
                    ("offline, a party", (offline.bytesPerParty.max() ?? 0).bytes),
                    ("offline exchanges", offline.exchangesText),
                    ("correlated transfers", Double(offline.transfers).scaled),
                    ("ciphertexts and answers", "\(offline.ciphertexts.grouped), \(offline.answers.grouped)"),
                    ("stored a party", offline.storedBytesPerParty.bytes),
                    ("time offline, about", "\(offline.seconds.duration) (\(offline.network))"),
                ]
                    + (offline.quickest.map {
                        [("with transfer trees of \($0.transferTreeHeight) levels", $0.seconds.duration)]
                    } ?? []),
                at: 2
            )
        } else {
            totals.insert(("dealer", report.dealerBytes.bytes), at: 2)
        }
        if let seconds = report.predictedSeconds {
            totals.insert((report.offline == nil ? "predicted time" : "predicted time online", seconds.duration), at: 0)
        }
        return totals
    }

    /// What the predicted time goes to, as one bar.
    private var timeBar: String {
        guard let parts = report.predictedParts, let whole = report.predictedSeconds, whole > 0 else { return "" }
        let named =
            [
                ("computing", parts.computing), ("latency", parts.latency), ("bandwidth", parts.bandwidth),
            ]
            + (report.offline == nil ? [("dealer", parts.dealer)] : [])
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
            Column(
                name: report.offline == nil ? "dealer bytes" : "stored bytes",
                value: { Double($0.dealerBytes) },
                text: { $0.dealerBytes.bytes }
            ),
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
                included. \(
                    report.offline == nil
                        ? "In the upper bar, “dealer” is time in which parties wait for corrections, for the dealer's computing or its link."
                        : "It is that of a run whose correlations the parties have made before; that takes the time offline."
                )
                """
            )
        }
        return notes
    }
}

extension PlanReport.Layer {
    /// The largest party's online bytes.
    fileprivate var online: Int {
        onlineBytesPerParty.max() ?? 0
    }
}
