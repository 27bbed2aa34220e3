import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Foundation
import Synchronization

/// Checks and measures a device; rows are printed as they come, so that they stand there whatever happens after them.
struct DeviceExamination: Sendable {
    /// All that came of it.
    struct Report: Encodable, Sendable {
        var deviceName: String
        var checks: [DeviceCheck.Row] = []
        var measurements: [DeviceBenchmark.Row] = []
        var profile: DeviceProfile?
        /// What differs first, or how the device has failed; nil where all is well.
        var failure: String?
    }

    let queue: any DeviceQueue
    let extent: DeviceCheck.Extent
    /// Whether tables are left out.
    let isQuiet: Bool

    private static let checkTable = RunningTable([("compared", 60), ("words", 12), ("differing", 9)])
    private static let measurementTable = RunningTable([
        ("measured", 60), ("figure", 9), ("unit", 6), ("estimate", 9), ("of it", 5),
    ])

    func run(checks: Bool, measures: Bool) async -> Report {
        var report = Report(deviceName: queue.deviceName)
        if checks { await check(&report) }
        // A device that has failed computes nothing more.
        if measures, (try? queue.check()) != nil { measure(&report) }
        ProgressLine.clear()
        return report
    }

    private func check(_ report: inout Report) async {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        if !isQuiet { Output.result(Self.checkTable.header) }
        var rows: [DeviceCheck.Row] = []
        func end(_ row: DeviceCheck.Row) {
            rows.append(row)
            ProgressLine.clear()
            guard !isQuiet else { return }
            Output.result(Self.checkTable.row([row.name, row.words.grouped, row.differing.grouped]))
            if let difference = row.difference { Output.result("  " + difference) }
        }
        do {
            try DeviceCheck(queue, extent: extent, threads: threads).run(starting: ProgressLine.show, ended: end)
            try await InsecureNetworkCheck(queue, extent: extent, threads: max(1, threads / 3))
                .run(starting: ProgressLine.show, ended: end)
        } catch {
            report.failure = (error as? CrypTenError)?.toolMessage ?? "\(error)"
        }
        report.checks = rows
        if let first = rows.first(where: { $0.differing > 0 }) {
            report.failure = "\(first.name) differ from the processor's: \(first.difference ?? "some words")"
        }
    }

    private func measure(_ report: inout Report) {
        if !isQuiet { Output.result(Self.measurementTable.header) }
        let rows = Mutex<[DeviceBenchmark.Row]>([])
        let isQuiet = isQuiet
        let end: @Sendable (DeviceBenchmark.Row) -> Void = { row in
            rows.withLock { $0.append(row) }
            ProgressLine.clear()
            if !isQuiet { Output.result(Self.line(row)) }
        }
        let benchmark = DeviceBenchmark(queue, extent: extent, starting: { ProgressLine.show($0) }, ended: end)
        do {
            report.profile = try benchmark.run()
        } catch {
            report.failure = report.failure ?? (error as? CrypTenError)?.toolMessage ?? "\(error)"
        }
        report.measurements = rows.withLock { $0 }
        if !isQuiet, report.measurements.contains(where: { $0.estimate != nil }) {
            Output.result(
                "Estimates are the design's, computed from datasheets and machine code: nothing was measured for them."
            )
        }
    }

    private static func line(_ row: DeviceBenchmark.Row) -> String {
        guard let figure = row.figure else { return "\(row.name): \(row.note ?? "not measured")" }
        let estimate = row.estimate.map { ($0.compact, (figure / $0).fixed(2)) } ?? ("", "")
        return measurementTable.row([row.name, figure.compact, row.unit, estimate.0, estimate.1])
    }
}

extension Double {
    /// Four digits at most, and one after the point where there is room.
    fileprivate var compact: String {
        self < 9.995 ? fixed(2) : self < 999.5 ? fixed(1) : Int(rounded()).grouped
    }
}

/// A table whose rows are printed before the last one is known: columns have their widths from the first on.
struct RunningTable: Sendable {
    private let columns: [(name: String, width: Int)]

    init(_ columns: [(String, Int)]) {
        self.columns = columns.map { (name: $0.0, width: $0.1) }
    }

    var header: String {
        row(columns.map(\.name))
    }

    /// The first cell is left-aligned, the others are right-aligned.
    func row(_ cells: [String]) -> String {
        // Cells that are empty at the end are no cells.
        let cells = cells.reversed().drop(while: \.isEmpty).reversed()
        return zip(cells, columns).enumerated().map { index, cell in
            let space = String(repeating: " ", count: max(0, cell.1.width - cell.0.count))
            return index == 0 ? cell.0 + space : space + cell.0
        }.joined(separator: "  ")
    }
}
