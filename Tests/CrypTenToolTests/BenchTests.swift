import Foundation
import Testing

@Suite("Benchmarks")
struct BenchTests {
    /// Rounds and bytes don't depend on the machine: a change of one is a change of the plan.
    private static let costs: [(name: String, rounds: Int, online: Int, dealer: Int)] = [
        ("conv2d", 1, 1_606_080, 2_007_552), ("max_1000x100", 18, 1_253_936, 7_597_952),
        ("maxpool2d", 4, 1_487_040, 14_868_288), ("lenet_b1", 26, 211_808, 994_456),
        ("resnet18_b1", 97, 51_902_912, 198_286_928),
    ]

    @Test("workloads cost what they did, and are right, as threads of one process")
    func memory() async throws {
        let names = Self.costs.map(\.name)
        let run = try await Tool.run(["bench"] + names + ["--transport", "memory", "--repeat", "1", "--json"])
        #expect(run.code == 0)
        let reports = try run.jsonLines()
        #expect(reports.count == names.count)
        for (report, cost) in zip(reports, Self.costs) {
            #expect(report["workload"] as? String == cost.name)
            #expect(report["rounds"] as? Int == cost.rounds, "\(cost.name)")
            #expect(report["bytes"] as? Int == cost.online, "\(cost.name)")
            #expect(report["dealer_bytes"] as? Int == cost.dealer, "\(cost.name)")
            #expect((report["max_abs_err"] as? Double ?? .infinity) < 0.006, "\(cost.name)")
        }
    }

    @Test("the same in processes, over a network that is played, beside its prediction")
    func network() async throws {
        let run = try await Tool.run("bench", "lenet_b1", "--network", "lan", "--repeat", "1", "--profile", "--json")
        #expect(run.code == 0)
        let reports = try run.jsonLines()
        let report = try #require(reports.first)
        #expect(reports.count == 1)
        for key in ["seconds", "seconds_online", "seconds_plan"] { #expect((report[key] as? Double ?? 0) > 0) }
        #expect((report["peak_memory_bytes"] as? [Int])?.count == 3)
        #expect((report["profile"] as? [Any])?.count == 3)
        let predicted = try #require(report["predicted"] as? [String: Any])
        #expect((predicted["seconds"] as? Double ?? 0) > 0)
        for key in ["rounds", "dealer_bytes"] { #expect(predicted[key] as? Int == report[key] as? Int) }
        #expect(predicted["online_bytes_per_party"] as? [Int] == report["online_bytes_per_party"] as? [Int])
    }

    @Test("the bare exchange stands beside the opening")
    func roundTrip() async throws {
        let run = try await Tool.run("bench", "roundtrip", "--repeat", "1", "--json")
        #expect(run.code == 0)
        let report = try #require(try run.jsonLines().first)
        #expect((report["ping_pong_seconds"] as? Double ?? 0) > 0)
        #expect((report["times_ping_pong"] as? Double ?? 0) > 0)
        #expect(report["max_abs_err"] as? Double == 0)
    }
}
