import CrypTen
import Foundation
import Testing

/// Two inputs of a small network, whole and in parts, in a folder; the network's weights are those of Scripts/make_owner_models.py.
struct OwnedTable {
    let folder: TemporaryFolder
    static let rows = 4
    static let model = Tool.fixture("owners/two.onnx")

    static func x(_ row: Int, _ column: Int) -> Double { Double((row * 7 + column * 5) % 11 - 5) / 8 }
    static func z(_ row: Int, _ column: Int) -> Double { Double((row * 3 + column * 2) % 7 - 3) / 4 }

    /// y = relu(x W + z V) with W[i, j] = (i − j) / 4 and V[i, j] = (i + 2j) / 8, written out.
    static let expected: [Double] = (0..<rows).flatMap { row in
        (0..<3).map { j in
            let ofX = (0..<5).reduce(0.0) { $0 + x(row, $1) * Double($1 - j) / 4 }
            let ofZ = (0..<2).reduce(0.0) { $0 + z(row, $1) * Double($1 + 2 * j) / 8 }
            return max(0, ofX + ofZ)
        }
    }

    init() throws {
        folder = try TemporaryFolder()
        try write("x", 0..<Self.rows, 0..<5, Self.x)
        try write("left", 0..<Self.rows, 0..<2, Self.x)
        try write("right", 0..<Self.rows, 2..<5, Self.x)
        try write("top", 0..<1, 0..<5, Self.x)
        try write("bottom", 1..<Self.rows, 0..<5, Self.x)
        try write("short", 0..<Self.rows - 1, 2..<5, Self.x)
        try write("z", 0..<Self.rows, 0..<2, Self.z)
        try Tensor([11, 12, 13, 14] as [Int64], shape: [4]).write(toNumpyFile: url("ids.npy"))
        try NpzFile.write([("id", Tensor([11, 12, 13, 14] as [Int64], shape: [4]))], to: url("ids.npz"))
        try Data("name,id\r\na,11\r\n\"b, c\",12\r\nd,13\r\n\"\"\"e\"\"\",14\r\n".utf8).write(to: url("customers.csv"))
        try Data("11\n12\n14\n13\n".utf8).write(to: url("swapped.txt"))
        try Data("11\n12\n13\n".utf8).write(to: url("three.txt"))
    }

    private func url(_ name: String) -> URL { URL(fileURLWithPath: folder.path(name)) }

    private func write(_ name: String, _ rows: Range<Int>, _ columns: Range<Int>, _ number: (Int, Int) -> Double) throws
    {
        let numbers = rows.flatMap { row in columns.map { Float(number(row, $0)) } }
        try Tensor(.float(numbers), shape: [rows.count, columns.count]).write(toNumpyFile: url("\(name).npy"))
    }

    func file(_ name: String) -> String { folder.path(name) }

    /// Runs `infer` on three parties, with `NAME` for a file of the folder where an argument says `%NAME`.
    func infer(_ arguments: String, parties: Int = 3, more: [String] = []) async throws -> Tool.Run {
        try await Tool.run(
            ["infer", "--local", "\(parties)", "--json", "--output-dir", folder.path("out")] + words(arguments) + more
        )
    }

    func words(_ arguments: String) -> [String] {
        arguments.split(separator: " ").map {
            String($0).replacingOccurrences(of: "%model", with: Self.model)
                .replacingOccurrences(of: "%", with: folder.path("") + "/")
        }
    }

    /// The largest difference of what was written from what is right; infinite where nothing was.
    func error(of name: String = "y", in place: String = "out") throws -> Double {
        let got = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("\(place)/\(name).npy"))).doubles
        let right = name == "s" ? [Self.expected.reduce(0, +)] : Self.expected
        guard got.count == right.count else { return .infinity }
        return zip(got, right).map { abs($0 - $1) }.max() ?? 0
    }
}

@Suite("Inputs, models and outputs of whoever has them")
struct OwnersTests {
    static let assignments = (0..<27).map { [$0 % 3, $0 / 3 % 3, $0 / 9] }

    @Test("whoever of three parties has the inputs and the model, the result is the same", arguments: assignments)
    func assignment(owners: [Int]) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer(
            "--input x=%x.npy@\(owners[0]) --input z=%z.npy@\(owners[1]) --model %model@\(owners[2])"
        )
        #expect(run.code == 0, "\(run.stderr)")
        #expect(try table.error() < 2e-3)
        #expect(try table.error(of: "s") < 2e-2)
    }

    @Test(
        "parts of an input are joined by rows, columns and axes, in the order of the command line",
        arguments: [
            "--input x=%left.npy@0 --input x=%right.npy@1 --join x=columns",
            "--input x=%left.npy@2 --input x=%right.npy@0 --join x=columns",
            "--input x=%left.npy@1 --input x=%right.npy@1 --join x=1",
            "--input x=%right.npy@0 --input x=%left.npy@1 --join x=-1:1,0",
            "--input x=%top.npy@2 --input x=%bottom.npy@1 --join x=rows",
            "--input x=%top.npy@1 --input x=%bottom.npy@2 --join rows",
        ]
    )
    func joins(inputs: String) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer("\(inputs) --input z=%z.npy@2 --model %model@1")
        #expect(run.code == 0, "\(run.stderr)")
        #expect(try table.error() < 2e-3)
        let isKeyless = !inputs.contains("rows") && !inputs.contains("x=1")
        #expect(run.stderr.contains("--key compares their keys before") == isKeyless, "\(run.stderr)")
    }

    @Test("outputs go to whom they are for, and what nobody receives isn't computed")
    func receivers() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let inputs = "--input x=%x.npy@0 --input z=%z.npy@2 --model %model@1"
        for (receive, expected) in [
            ("--receive y@2", ["y": [2]]), ("--receive s@1,2 --receive y@0", ["y": [0], "s": [1, 2]]),
            ("--receive all", ["y": [0, 1, 2], "s": [0, 1, 2]]), ("--receive @1", ["y": [1], "s": [1]]),
            ("--receive y@all", ["y": [0, 1, 2]]),
        ] {
            try? FileManager.default.removeItem(atPath: table.file("out"))
            let run = try await table.infer("\(inputs) \(receive)")
            #expect(run.code == 0, "\(receive): \(run.stderr)")
            let outputs = try #require(try run.json()["outputs"] as? [[String: Any]])
            let told = Dictionary(
                uniqueKeysWithValues: outputs.map { ($0["name"] as? String ?? "", $0["parties"] as? [Int] ?? []) }
            )
            #expect(told == expected, "\(receive)")
            let files = try FileManager.default.contentsOfDirectory(atPath: table.file("out")).sorted()
            #expect(files == expected.keys.map { "\($0).npy" }.sorted(), "\(receive)")
            for name in expected.keys { #expect(try table.error(of: name) < 2e-2, "\(receive)") }
        }
    }

    @Test("texts of labels stay with the model's owner where it hides them: who else learns labels learns places")
    func hiddenLabels() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let kinds = ["apple", "medlar", "quince"]
        let places = [2, 0, 1, 1]
        let model = Tool.fixture("owners/named.onnx")
        for (receiver, flags) in [(0, []), (0, ["--hide-labels"]), (1, ["--hide-labels"])] as [(Int, [String])] {
            let run = try await table.infer(
                "--input x=%x.npy --receive label@\(receiver)",
                parties: 2,
                more: ["--model", model] + flags
            )
            #expect(run.code == 0, "\(run.stderr)")
            let file = URL(fileURLWithPath: table.file("out/label.npy"))
            if flags.isEmpty || receiver == 1 {
                #expect(try NumpyTexts(contentsOfNumpyFile: file)?.texts == places.map { kinds[$0] })
            } else {
                #expect(try Tensor(contentsOfNumpyFile: file).integers == places.map { Int64($0) })
            }
            #expect(run.stderr.contains("3 texts ('apple', 'medlar', 'quince'): all parties see them") == flags.isEmpty)
        }
        let planned = try await Tool.run(["plan", "--model", model, "--input-shape", "x=4x5", "--json"])
        #expect(try planned.json()["labels"] as? [String: [String]] == ["label": kinds])
        let hidden = try await Tool.run(["plan", "--model", model, "--input-shape", "x=4x5", "--json", "--hide-labels"])
        #expect(
            try hidden.json()["labels"] == nil && planned.json()["rounds"] as? Int == hidden.json()["rounds"] as? Int
        )
    }

    @Test("a plan with the same flags counts the same rounds and bytes", arguments: [false, true])
    func plan(keyed: Bool) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let flags =
            "--input x=%left.npy@2 --input x=%right.npy@0 --join x=columns --input z=%z.npy@1 --model %model@0"
            + " --receive y@1,2 --receive s@all" + (keyed ? " --key %ids.npy@2 --key x=%customers.csv:id@0" : "")
        let run = try await table.infer(flags)
        #expect(run.code == 0, "\(run.stderr)")
        let report = try run.json()
        let plan = try await Tool.run(["plan", "--parties", "3", "--json"] + table.words(flags)).json()
        for key in ["rounds", "dealer_bytes"] { #expect(plan[key] as? Int == report[key] as? Int, "\(key)") }
        for key in ["online_bytes_per_party", "setup_bytes_per_party"] {
            #expect(plan[key] as? [Int] == report[key] as? [Int], "\(key)")
        }
        let shapes = flags.replacing("--input x=%left.npy@2", with: "--input-shape x=4x2@2")
            .replacing("--input x=%right.npy@0", with: "--input-shape x=4x3@0")
            .replacing("--input z=%z.npy@1", with: "--input-shape z=4x2@1")
        if !keyed {
            let planned = try await Tool.run(["plan", "--parties", "3", "--json"] + table.words(shapes)).json()
            #expect(planned["online_bytes_per_party"] as? [Int] == report["online_bytes_per_party"] as? [Int])
        }
        let check = try await Tool.run(["infer", "--check", "--local", "3", "--json"] + table.words(flags))
        #expect(check.code == 0, "\(check.stderr)")
        let errors = try #require(try check.json()["output_errors"] as? [[String: Any]])
        #expect(errors.compactMap { $0["name"] as? String } == ["y", "s"])
    }

    @Test("a batch of joined parts runs in slices", arguments: ["columns", "rows"])
    func slices(way: String) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let rows = 300_000
        func write(_ name: String, _ rows: Range<Int>, _ columns: Range<Int>, _ number: (Int, Int) -> Double) throws {
            let numbers = rows.flatMap { row in columns.map { Float(number(row % 4, $0)) } }
            try Tensor(.float(numbers), shape: [rows.count, columns.count])
                .write(toNumpyFile: URL(fileURLWithPath: folder.path(name)))
        }
        if way == "rows" {
            try write("a.npy", 0..<rows / 3 + 1, 0..<5, OwnedTable.x)
            try write("b.npy", rows / 3 + 1..<rows, 0..<5, OwnedTable.x)
        } else {
            try write("a.npy", 0..<rows, 0..<2, OwnedTable.x)
            try write("b.npy", 0..<rows, 2..<5, OwnedTable.x)
        }
        try write("z.npy", 0..<rows, 0..<2, OwnedTable.z)
        let run = try await Tool.run(
            "infer",
            "--local",
            "2",
            "--json",
            "--output-dir",
            folder.path("out"),
            "--memory-limit",
            "110MiB",
            "--input",
            "x=\(folder.path("a.npy"))@0",
            "--input",
            "x=\(folder.path("b.npy"))@1",
            "--join",
            "x=\(way)",
            "--input",
            "z=\(folder.path("z.npy"))@1",
            "--model",
            "\(OwnedTable.model)@0",
            "--receive",
            "y@1"
        )
        #expect(run.code == 0, "\(run.stderr)")
        #expect(try #require(try run.json()["slices"] as? Int) > 1)
        let got = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/y.npy"))).doubles
        #expect(got.count == rows * 3)
        #expect(got.indices.allSatisfy { abs(got[$0] - OwnedTable.expected[$0 % 12]) < 2e-3 })
    }

    @Test("a file whose name holds an @ can be given")
    func signs() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        for (name, given) in [("x@home.npy", "x@home.npy"), ("x@1", "x@1@0"), ("x@home.npy", "x@home.npy@2")] {
            try? FileManager.default.copyItem(atPath: table.file("x.npy"), toPath: table.file(name))
            let run = try await table.infer("--input x=%\(given) --input z=%z.npy --model %model")
            #expect(run.code == 0, "\(given): \(run.stderr)")
            #expect(try table.error() < 2e-3)
        }
    }

    @Test(
        "what can't be meant is one sentence",
        arguments: [
            (
                "--input x=%x.npy@3 --input z=%z.npy --model %model", 64,
                "--input x=%x.npy@3: there are parties 0 to 2"
            ),
            ("--input x=%x.npy --input z=%z.npy --model %model@7", 64, "--model %model@7: there are parties 0 to 2"),
            ("--input x=%x.npy --input x=%x.npy --input z=%z.npy --model %model", 1, "input 'x' is given twice"),
            (
                "--input x=%left.npy@0 --input x=%right.npy@1 --input z=%z.npy --model %model", 1,
                "2 parties have parts of input 'x': say whether they are rows or columns, --join x=rows"
            ),
            (
                "--input x=%left.npy@0 --input x=%short.npy@1 --join x=columns --input z=%z.npy --model %model", 1,
                "input 'x': parts of shapes [4, 2] of party 0 and [3, 3] of party 1 can't be joined by columns; 'x' is read from %left.npy"
            ),
            (
                "--input x=%x.npy --input z=%z.npy --join w=rows --model %model", 1,
                "--join w=rows: the model has no such input"
            ),
            (
                "--input x=%x.npy --input z=%z.npy --model %model --receive t@1", 1,
                "--receive t@1: the model has no output 't'; it has y, s"
            ),
            (
                "--input x=%x.npy --input z=%z.npy --model %model --receive y@3", 64,
                "--receive y@3: there is no party 3, there are parties 0 to 2"
            ),
            (
                "--input x=%x.npy --input z=%z.npy --model %model --join x=rows --join x=columns", 64,
                "--join says twice how parts of x are put together"
            ),
            (
                "--input x=%x.npy@1 --input z=%z.npy@2 --model %model --key %ids.npy@1", 1,
                "--key compares rows of parties that join their columns, and no input is joined so: give --join NAME=columns"
            ),
            (
                "--input x=%x.npy --input z=%z.npy --model %model --key %ids.npy", 64,
                "--key %ids.npy: say which party has it, as in %ids.npy@0"
            ),
            (
                "--input %x.npy@0 --input %z.npy@1 --model %model", 1,
                "several parties have inputs without a name: name them, as in x=FILE@0; the model has x float [N, 5]; z float [N, 2]"
            ),
        ]
    )
    func wrongUse(arguments: String, code: Int32, message: String) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer(arguments)
        #expect(run.code == code)
        #expect(run.stdout.isEmpty)
        let sentence = message.replacing("%model", with: OwnedTable.model)
            .replacing("%", with: table.file("") + "/")
        #expect(run.lastLine == "error: \(sentence)")
    }
}

@Suite("Keys of rows")
struct KeyTests {
    private static let joined =
        "--input x=%left.npy@0 --input x=%right.npy@1 --join x=columns --input z=%z.npy@2 --model %model@2"

    @Test(
        "equal keys of whatever file let the run go on, and nothing is noted",
        arguments: ["--key %ids.npy@0 --key x=%customers.csv:id@1", "--key %ids.npz:id@1 --key %ids.npy@0"]
    )
    func equal(keys: String) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer("\(Self.joined) \(keys)")
        #expect(run.code == 0)
        #expect(!run.stderr.contains("--key"))
        #expect(try table.error() < 2e-3)
    }

    @Test("other keys, or another order, end every party before anything is computed")
    func unequal() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer("\(Self.joined) --key %ids.npy@0 --key %swapped.txt@1")
        #expect(run.code == 1)
        #expect(run.stdout.isEmpty)
        #expect(
            run.lastLine.hasPrefix(
                "error: input 'x': the keys of party 0 and party 1 aren't the same ones in the same order, so their rows don't belong together"
            )
        )
        #expect(try FileManager.default.contentsOfDirectory(atPath: table.file("out")).isEmpty)
        for key in ["11", "12", "13", "14"] { #expect(!run.lastLine.contains(key)) }
        // A checked run is no other.
        let check = try await Tool.run(
            ["infer", "--check", "--local", "3"] + table.words("\(Self.joined) --key %ids.npy@0 --key %swapped.txt@1")
        )
        #expect(check.code == 1 && check.lastLine == run.lastLine)
    }

    @Test(
        "keys that are missing, too few or of nothing are one sentence",
        arguments: [
            ("--key %ids.npy@0", "input 'x': party 1 has columns of it and gives no --key, which the others do"),
            ("--key %ids.npy@0 --key %three.txt@1", "input 'x': party 1 gives 3 keys for 4 rows"),
            ("--key %ids.npy@0 --key %ids.npy@2", "party 2 gives a --key of input 'x' and has no part of that"),
            ("--key %ids.npy@0 --key %ids.npy@0", "party 0 gives two --key of input 'x'"),
            (
                "--key z=%ids.npy@0 --key %ids.npy@1",
                "--key of party 0 names no input whose columns are joined; name it, as in x=FILE"
            ),
            (
                "--key %ids.npy@0 --key %customers.csv:number@1",
                "--key %customers.csv: it has no column 'number'; its first line names name, id"
            ),
            (
                "--key %ids.npy@0 --key %z.npy@1",
                "--key %z.npy: keys are whole numbers, one for each row, and this has shape [4, 2] of real"
            ),
            (
                "--key %ids.npz@0 --key %ids.npy@1",
                "--key %ids.npz: say which array of the file holds the keys, as in %ids.npz:id"
            ),
        ]
    )
    func wrong(keys: String, message: String) async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let run = try await table.infer("\(Self.joined) \(keys)")
        #expect(run.code == 1)
        #expect(run.lastLine == "error: " + message.replacing("%", with: table.file("") + "/"))
    }
}
