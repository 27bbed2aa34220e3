import CrypTen
import Foundation
import Testing

@Suite("Parties started by hand give what each has")
struct OwnersByHandTests {
    /// Runs a party for each list of arguments, and a dealer.
    private func run(_ parties: [String], in table: OwnedTable) async throws -> [Tool.Run] {
        let folders = try (0...parties.count).map { _ in try TemporaryFolder() }
        defer { for folder in folders { folder.remove() } }
        let ports = try FreePorts.find(parties.count + 1)
        let dealer = try Tool.start(
            ["dealer", "--listen", ports[parties.count], "--parties", "\(parties.count)"],
            in: folders[parties.count]
        )
        defer { dealer.process.terminate() }
        let common = [
            "--parties", ports.dropLast().joined(separator: ","), "--dealer", ports[parties.count], "--session",
            "owners",
        ]
        let running = try parties.enumerated().map { index, arguments in
            try Tool.start(["party", "--id", "\(index)"] + common + table.words(arguments), in: folders[index])
        }
        var runs: [Tool.Run] = []
        for party in running { runs.append(try await party.finish()) }
        return runs
    }

    @Test("one's columns beside another's, a third's model; two learn outputs, each into its own folder")
    func columns() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let receive = "--receive y@0,2 --receive s@2"
        let runs = try await run(
            [
                "--input x=%right.npy --join x=columns:1,0 --key %ids.npy \(receive) --output-dir %first",
                "--input x=%left.npy@1 --input z=%z.npy --key %customers.csv:id \(receive)",
                "--model %model \(receive) --output-dir %third",
            ],
            in: table
        )
        for run in runs { #expect(run.code == 0, "\(run.stderr)") }
        #expect(try table.error(in: "first") < 2e-3)
        #expect(try table.error(in: "third") < 2e-3)
        #expect(try table.error(of: "s", in: "third") < 2e-2)
        #expect(!FileManager.default.fileExists(atPath: table.file("first/s.npy")))
        #expect(runs[0].stdout.contains("output y") && !runs[0].stdout.contains("output s"))
        #expect(!runs[1].stdout.contains("output"))
    }

    static let mismatches: [(parties: [String], message: String)] = [
        (
            ["--input x=%left.npy --input z=%z.npy --join x=columns", "--input x=%short.npy", "--model %model"],
            "input 'x': parts of shapes [4, 2] of party 0 and [3, 3] of party 1 can't be joined by columns"
        ),
        (
            [
                "--input x=%left.npy --input z=%z.npy --join x=columns", "--input x=%right.npy --join x=rows",
                "--model %model",
            ],
            "party 1 was told --join x=rows, and another party --join x=columns: of one input all are told the same"
        ),
        (
            ["--input x=%x.npy", "--input z=%z.npy --receive y@1", "--model %model"],
            "party 0 was told nothing, and party 1 --receive y@1: who learns an output all parties are told alike"
        ),
        (["--input x=%x.npy", "--input z=%z.npy", ""], "no party has a model: give one --model"),
        (
            ["--input x=%x.npy --model %model", "--input z=%z.npy", "--model %model"],
            "party 0 and party 2 have a model: --model is one party's"
        ),
        (
            ["--input x=%x.npy", "--input q=%z.npy", "--model %model"],
            "the model has no input 'q'; it has x float [N, 5]; z float [N, 2]"
        ),
        (
            [
                "--input x=%left.npy --key %ids.npy --join x=columns",
                "--input x=%right.npy --input z=%z.npy --key %swapped.txt", "--model %model",
            ],
            "input 'x': the keys of party 0 and party 1 aren't the same ones in the same order"
        ),
    ]

    @Test("what doesn't fit is the same sentence at every party", arguments: mismatches)
    func mismatch(parties: [String], message: String) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        for (party, run) in try await run(parties, in: table).enumerated() {
            #expect(run.code == 1, "party \(party)")
            #expect(run.lastLine.hasPrefix("error: \(message)"), "party \(party): \(run.lastLine)")
        }
    }

    @Test("another party's file is refused before anybody is called")
    func others() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let common = [
            "party", "--id", "0", "--parties", "127.0.0.1:1,127.0.0.1:2", "--dealer", "127.0.0.1:3", "--session", "s",
        ]
        for (option, file) in [
            ("--input", "x=a.npy@1"), ("--model", "m.onnx@1"), ("--key", "ids.npy@1"), ("--public", "x=a.npy@1"),
        ] {
            let run = try await Tool.run(common + [option, file])
            #expect(run.code == 64)
            #expect(run.lastLine == "error: \(option) \(file): this is party 0, which gives what it has itself")
        }
        let run = try await Tool.run(common + ["--secret", "w"])
        #expect(
            run.lastLine
                == "error: --secret, --open, --weight-exponents, --secret-features, --pad-trees and --hide-labels belong to the party that has the model: give --model, too"
        )
    }
}
