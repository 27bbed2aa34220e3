import CrypTen

/// A training run's report as one HTML file: losses by step, scores by epoch, and what it has cost.
struct TrainingPage {
    private let report: TrainingReport
    private let title: String

    /// - Parameter title: What was trained; any text.
    init(_ report: TrainingReport, title: String) {
        (self.report, self.title) = (report, title)
    }

    /// The page.
    var page: ReportPage {
        let steps = max(1, report.steps)
        return ReportPage(
            title: title,
            command: "train",
            subtitle:
                "\(report.parties) parties\(report.offline == nil ? " and a dealer" : ", no dealer"), \(report.epochs.count) epochs of \((steps / max(1, report.epochs.count)).grouped) steps",
            totals: [
                ("seconds", report.seconds.duration), ("a step", (report.secondsTraining / Double(steps)).duration),
                ("rounds a step", (Double(report.rounds) / Double(steps)).fixed(1)),
                ("online a step, a party", ((report.onlineBytesPerParty.max() ?? 0) / steps).bytes),
                report.offline.map { ("offline a step, a party", (($0.bytesPerParty.max() ?? 0) / steps).bytes) }
                    ?? ("dealer, a step", (report.dealerBytes / steps).bytes),
                ("setup, once", (report.setupBytesPerParty.max() ?? 0).bytes), ("plans", "\(report.plans)"),
            ],
            body: curves + table,
            notes: [
                """
                Losses are those of each step's batch before its update, as far as they were told; the line is their mean over a tenth of an \
                epoch. Rounds and bytes are those of training and tests together, by the transport's counters, frame headers included. \
                Scores are of rows that the network wasn't trained with.
                """
            ]
        )
    }

    // MARK: Curves

    private var curves: String {
        let losses = (report.losses ?? []).enumerated().compactMap { step, loss in loss.map { (Double(step + 1), $0) } }
        var out = ""
        if losses.count > 1 {
            let width = max(1, losses.count / max(1, report.epochs.count) / 10)
            let means = stride(from: 0, to: losses.count, by: width).map { start -> (Double, Double) in
                let part = losses[start..<min(start + width, losses.count)]
                return (
                    part.reduce(0) { $0 + $1.0 } / Double(part.count), part.reduce(0) { $0 + $1.1 } / Double(part.count)
                )
            }
            out += "<section><h2>Loss by step</h2>\(Curve(each: losses, mean: means, marks: []).svg)</section>\n"
        }
        for (name, value) in TrainingPage.scores {
            let points = report.epochs.compactMap { epoch in value(epoch).map { (Double(epoch.epoch), $0) } }
            guard points.count > 1 else { continue }
            out += "<section><h2>\(name) by epoch</h2>\(Curve(each: [], mean: points, marks: points).svg)</section>\n"
        }
        return out
    }

    private static let scores: [(String, @Sendable (TrainingPartyReport.Epoch) -> Double?)] = [
        ("Accuracy", { $0.scores?.accuracy }), ("Area under the curve", { $0.scores?.auc }),
        ("Mean squared error", { $0.scores?.meanSquaredError }),
    ]

    private var table: String {
        let columns: [(String, (TrainingPartyReport.Epoch) -> String?)] =
            [("mean loss", { $0.loss?.fixed(4) })]
            + TrainingPage.scores.map { name, value in (name.lowercased(), { value($0)?.fixed(4) }) }
        let used = columns.filter { column in report.epochs.contains { column.1($0) != nil } }
        if used.isEmpty { return "" }
        let head = (["epoch"] + used.map(\.0)).map { "<th scope=\"col\">\($0)</th>" }.joined()
        let rows = report.epochs.map { epoch in
            "<tr><th scope=\"row\">\(epoch.epoch)</th>\(used.map { "<td>\($0.1(epoch) ?? "")</td>" }.joined())</tr>"
        }
        return "<table><thead><tr>\(head)</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table>"
    }

    /// Lines over a grid.
    private struct Curve {
        var each: [(Double, Double)]
        var mean: [(Double, Double)]
        var marks: [(Double, Double)]

        private static let (width, height, left, bottom) = (960.0, 260.0, 56.0, 24.0)

        var svg: String {
            let points = each + mean
            let (xs, ys) = (points.map(\.0), points.map(\.1))
            guard let x0 = xs.min(), let x1 = xs.max(), let low = ys.min(), let high = ys.max() else { return "" }
            let y0 = low >= 0 && low < high / 2 ? 0 : low
            let (dx, dy) = (max(x1 - x0, 1e-9), max(high - y0, 1e-9))
            func place(_ point: (Double, Double)) -> (String, String) {
                (
                    (Curve.left + (point.0 - x0) / dx * (Curve.width - Curve.left - 8)).fixed(1),
                    (8 + (high - point.1) / dy * (Curve.height - Curve.bottom - 8)).fixed(1)
                )
            }
            func line(_ points: [(Double, Double)], _ name: String) -> String {
                if points.isEmpty { return "" }
                let places = points.map { place($0) }.map { "\($0.0),\($0.1)" }.joined(separator: " ")
                return "<polyline class=\"\(name)\" points=\"\(places)\"/>"
            }
            let grid = (0...4).map { index -> String in
                let value = y0 + dy * Double(index) / 4
                let y = place((x0, value)).1
                return
                    "<line class=\"grid\" x1=\"\(Curve.left.fixed(0))\" x2=\"\(Curve.width.fixed(0))\" y1=\"\(y)\" y2=\"\(y)\"/>"
                    + "<text x=\"\((Curve.left - 6).fixed(0))\" y=\"\(y)\" text-anchor=\"end\" dominant-baseline=\"middle\">\(value.fixed(3))</text>"
            }
            let ends = [(x0, "start"), (x1, "end")].map { value, anchor in
                "<text x=\"\(place((value, y0)).0)\" y=\"\((Curve.height - 6).fixed(0))\" text-anchor=\"\(anchor)\">\(Int(value).grouped)</text>"
            }
            let circles = marks.map { place($0) }.map { "<circle cx=\"\($0.0)\" cy=\"\($0.1)\" r=\"3\"/>" }
            return """
                <svg viewBox="0 0 \(Curve.width.fixed(0)) \(Curve.height.fixed(0))" role="img">\(grid.joined())\(ends.joined())\
                \(line(each, "each"))\(line(mean, "mean"))\(circles.joined())</svg>
                """
        }
    }
}
