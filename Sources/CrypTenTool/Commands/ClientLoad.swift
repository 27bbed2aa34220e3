import ArgumentParser
import CrypTen
import CrypTenClient
import Foundation
import Synchronization

extension ClientCommand {
    /// Asks a cell as often as it can, and says how it did.
    struct Load: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Ask a cell as many clients at once, row by row, and say how many answers came and how long they took.",
            discussion: """
                Each client asks for the inputs' rows one after another, over and over, until the time is over. All of them are one client \
                of the cluster file, whose budget is used up.

                  crypten client load --cell cell.json --identity app.identity.pem \\
                    --model digits --input x=x.npy --clients 32 --seconds 60
                """
        )

        @OptionGroup var asking: ClientAsking

        @Option(name: .long, help: ArgumentHelp("How many ask at once.", valueName: "n"))
        var clients = 32

        @Option(name: .long, help: ArgumentHelp("For how long.", valueName: "s"))
        var seconds = 60

        @Flag(name: .long, help: "Print one JSON object instead of a table.")
        var json = false

        /// What came of it.
        struct Report: Encodable {
            var clients: Int
            var seconds: Double
            var answers: Int
            var answersPerSecond: Double
            var refusals: [String: Int]
            var millisecondsMedian: Double
            var millisecondsP99: Double
            var millisecondsLongest: Double
        }

        /// What all clients have seen.
        private final class Seen: Sendable {
            private let state = Mutex((times: [Double](), refusals: [String: Int](), next: 0))

            /// The number of the next question.
            func next() -> Int {
                state.withLock { state in
                    state.next += 1
                    return state.next
                }
            }

            func answered(in milliseconds: Double) {
                state.withLock { $0.times.append(milliseconds) }
            }

            func refused(_ code: String) {
                state.withLock { $0.refusals[code, default: 0] += 1 }
            }

            /// Times in order, and refusals by code.
            var all: (times: [Double], refusals: [String: Int]) {
                state.withLock { ($0.times.sorted(), $0.refusals) }
            }
        }

        func validate() throws {
            guard (1...10_000).contains(clients) else {
                throw ValidationError("--clients \(clients): choose 1 to 10000")
            }
            guard (1...86_400).contains(seconds) else {
                throw ValidationError("--seconds \(seconds): choose 1 to 86400")
            }
        }

        func run() async throws {
            let rows = try asking.tensors().mapValues { try $0.eachRow() }
            guard let count = rows.values.map(\.count).min(), count > 0 else {
                throw ValidationError("--input has no rows")
            }
            let client = try asking.client()
            let (seen, model) = (Seen(), asking.model)
            let start = ContinuousClock.now
            let end = start + .seconds(seconds)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<clients {
                    group.addTask { [client, rows, seen] in
                        while ContinuousClock.now < end {
                            let index = seen.next() % count
                            let asked = ContinuousClock.now
                            do {
                                _ = try await client.infer(model, rows.mapValues { $0[index] })
                                seen.answered(in: (ContinuousClock.now - asked).asSeconds * 1000)
                            } catch {
                                let code =
                                    ((error as? CrypTenError)?.cause as? CellRefusal)?.code
                                    ?? "\((error as? CrypTenError)?.code ?? .partyFailed)"
                                seen.refused(code)
                                try? await Task.sleep(for: .milliseconds(50))
                            }
                        }
                    }
                }
            }
            await client.close()
            let time = (ContinuousClock.now - start).asSeconds
            let (times, refusals) = seen.all
            func quantile(_ part: Double) -> Double {
                times.isEmpty ? 0 : times[min(times.count - 1, Int(Double(times.count) * part))]
            }
            let report = Report(
                clients: clients,
                seconds: time,
                answers: times.count,
                answersPerSecond: Double(times.count) / time,
                refusals: refusals,
                millisecondsMedian: quantile(0.5),
                millisecondsP99: quantile(0.99),
                millisecondsLongest: times.last ?? 0
            )
            if json { return try Output.result(json: report) }
            Output.result(
                TextTable.list([
                    ("clients", "\(clients)"),
                    ("answers", "\(report.answers) in \(time.fixed(1)) s"),
                    ("answers a second", report.answersPerSecond.fixed(1)),
                    (
                        "refusals",
                        refusals.isEmpty
                            ? "none"
                            : refusals.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
                                separator: ", "
                            )
                    ),
                    ("milliseconds, median", report.millisecondsMedian.fixed(1)),
                    ("milliseconds, 99 of 100", report.millisecondsP99.fixed(1)),
                    ("milliseconds, longest", report.millisecondsLongest.fixed(1)),
                ])
            )
        }
    }
}

extension ClientTensor {
    /// Each row as a tensor of its own.
    fileprivate func eachRow() throws -> [ClientTensor] {
        let width = rows == 0 ? 0 : values.count / rows
        let shape = [1] + self.shape.dropFirst()
        return try (0..<rows).map { row in
            let range = row * width..<(row + 1) * width
            switch values {
            case .doubles(let values): return try ClientTensor(shape: Array(shape), doubles: Array(values[range]))
            case .integers(let values): return try ClientTensor(shape: Array(shape), integers: Array(values[range]))
            case .booleans(let values): return try ClientTensor(shape: Array(shape), booleans: Array(values[range]))
            }
        }
    }
}
