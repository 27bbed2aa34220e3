import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Synchronization
import Testing
import _CrypTenONNXTestSupport

@Suite("Extreme attributes and constants: a model or an error")
struct ExtremeAttributeTests {
    /// What a walk has seen.
    private struct Count {
        var all = 0
        var models = 0
        var read = 0
        var planned = 0
        var computed = 0
        var failures: [String] = []
    }

    @Test("every operator, every attribute and small constant, each extreme number: none traps, none hangs")
    func walk() throws {
        let models = try (OperatorCase.all + OperatorCase.ofRuntime).map { try ExtremeModel($0) } + ExtremeModel.singles
        // One change of this many, chosen by a fixed seed.
        let sample: UInt64 = ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] == nil ? 4 : 1
        let total = Mutex(Count())
        DispatchQueue.concurrentPerform(iterations: models.count) { index in
            let model = models[index]
            var count = Count()
            visit(model, [], &count)
            for place in model.places {
                for change in model.changes(at: place) {
                    count.all += 1
                    if Self.isChosen(index, count.all, oneOf: sample) { visit(model, [change], &count) }
                }
            }
            let done = count
            total.withLock {
                $0.all += done.all
                $0.models += done.models
                $0.read += done.read
                $0.planned += done.planned
                $0.computed += done.computed
                $0.failures += done.failures
            }
        }
        let count = total.withLock { $0 }
        print(
            "\(count.models) models of \(models.count) nodes, with \(count.all) extreme numbers in all: \(count.read) were read, "
                + "\(count.planned) planned, \(count.computed) computed"
        )
        #expect(count.failures == [])
        #expect(count.planned > count.models / 4)
        #expect(count.models > count.all / Int(2 * sample))
    }

    /// Whether a change of a model is in the sample, by a fixed seed.
    private static func isChosen(_ model: Int, _ change: Int, oneOf size: UInt64) -> Bool {
        let place = (0x5EED &+ UInt64(model) << 32 &+ UInt64(change)) &* 0x9e37_79b9_7f4a_7c15
        return (place ^ place >> 29) >> 16 % size == 0
    }

    private func visit(_ model: ExtremeModel, _ changes: [ExtremeModel.Change], _ count: inout Count) {
        count.models += 1
        var stage: ExtremeModel.Stage?
        do {
            try model.run(changes) { stage = $0 }
        } catch let error as CrypTenError {
            if error.message.count < 10 { count.failures.append("\(model.name), \(changes): \(error)") }
        } catch {
            count.failures.append("\(model.name), \(changes): \(error) has no code")
        }
        if let stage {
            count.read += 1
            count.planned += stage >= .planned ? 1 : 0
            count.computed += stage >= .computed ? 1 : 0
        }
    }

    @Test("all attributes that operators read are among those that are changed")
    func names() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/CrypTenONNX/Operators")
        let call = /\.(float|floats|int|ints)\("([a-z0-9_A-Z]+)"/
        var count = 0
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        for file in files {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            for match in text.matches(of: call) {
                let name = String(match.2)
                let known: [String] =
                    switch match.1 {
                    case "float": ExtremeModel.floatNames
                    case "floats": ExtremeModel.floatListNames
                    case "int": ExtremeModel.integerNames
                    default: ExtremeModel.integerListNames
                    }
                #expect(known.contains(name), "\(file) reads \(name)")
                count += 1
            }
        }
        #expect(count > 60)
    }
}
