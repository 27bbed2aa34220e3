import CrypTenBase
import CrypTenRuntime
import CrypTenService
import Foundation
import Testing

@Suite("Cluster files")
struct ClusterFileTests {
    private static func fingerprint(_ digit: Character) -> String {
        String(repeating: digit, count: 64)
    }

    private static let good = """
        cell: lending
        fraction_bits: 20
        members:
          clinic:
            party: 0
            address: clinic.example:9400
            door: https://clinic.example:8443
            identity: [\(fingerprint("a"))]
          bank:
            party: 1
            address: bank.example:9400
            door: https://bank.example:8443/
            identity:
              - \(fingerprint("b"))
              - \(fingerprint("c"))
        dealers:
          notary: {address: "notary.example:9400", identity: [\(fingerprint("d"))]}
        models:
          digits:
            owner: bank
            inputs: {image: {shapes: [[rows, 1, 28, 28]], range: [0, 1]}}
            batch: {window: 5ms, sizes: [1, 8, 32]}
            prepared: {1: 8, 32: 4}
        clients:
          ward-app:
            certificates: [\(fingerprint("e"))]
            models: {digits: {outputs: [scores], rows_per_day: 100000}}
        origins: [https://app.example]
        limits: {requests: 64, request_bytes: 16MiB, waiting: 5s}
        local:
          clinic: {identity: [/etc/crypten/clinic.pem], listen: "0.0.0.0:9400", state: /var/lib/crypten}
        """

    @Test("a cell of two can do without a dealer, and says so; nobody forgets one by mistake")
    func withoutDealer() throws {
        let line = "  notary: {address: \"notary.example:9400\", identity: [\(Self.fingerprint("d"))]}"
        let (file, faults) = Self.read(Self.good.replacing("dealers:\n\(line)", with: "dealers: none"))
        #expect(faults == [])
        let cluster = try #require(file)
        #expect(cluster.dealers.isEmpty && cluster.correlations == .parties)
        let usual = try #require(Self.read(Self.good).file)
        #expect(usual.correlations == .dealer)
        #expect(cluster.agreementDigest != usual.agreementDigest, "both must say so")
        #expect(!usual.agreed.contains { $0.name == "dealers" })
        let forgotten = Self.read(Self.good.replacing("dealers:\n\(line)", with: "dealers: {}")).faults
        #expect(forgotten.contains { $0.message.contains("or write `dealers: none`") }, "\(forgotten)")
        let shop = "  shop: {party: 2, address: \"shop.example:9400\", door: \"https://shop.example:8443\""
        let third = "\(shop), identity: [\(Self.fingerprint("f"))]}\ndealers: none"
        let three = Self.read(Self.good.replacing("dealers:\n\(line)", with: third)).faults
        #expect(
            three.contains { $0.message.hasPrefix("dealers: none is for two parties, and there are 3") },
            "\(three)"
        )
    }

    @Test("a cell without a dealer may say by which trees transfers are extended, and its parties agree on them")
    func transferTrees() throws {
        let line = "  notary: {address: \"notary.example:9400\", identity: [\(Self.fingerprint("d"))]}"
        func cell(_ height: String) -> (file: ClusterFile?, faults: [ClusterFault]) {
            Self.read(
                Self.good.replacing("dealers:\n\(line)", with: "dealers: none\ntransfer_tree_height: \(height)")
            )
        }
        let unsaid = try #require(Self.read(Self.good.replacing("dealers:\n\(line)", with: "dealers: none")).file)
        #expect(unsaid.transferTreeHeight == 4)
        for height in [2, 4, 8] {
            let (file, faults) = cell("\(height)")
            #expect(faults == [])
            #expect(file?.transferTreeHeight == height)
            #expect((file?.agreementDigest == unsaid.agreementDigest) == (height == 4))
            #expect(file?.agreed.contains { $0.name == "transfer_tree_height" && $0.value == "\(height)" } == true)
        }
        for wrong in ["3", "0", "-8", "16", "eight", "8.0"] {
            let faults = cell(wrong).faults
            #expect(faults.count == 1 && faults[0].message.hasPrefix("transfer_tree_height is 2, 4 or 8"), "\(faults)")
        }
        let dealt = Self.read(Self.good + "\ntransfer_tree_height: 8\n").faults
        #expect(
            dealt.contains { $0.message.hasPrefix("transfer_tree_height is for parties who make the correlations") },
            "\(dealt)"
        )
        #expect(try #require(Self.read(Self.good).file).agreed.allSatisfy { $0.name != "transfer_tree_height" })
    }

    private static func read(_ text: String) -> (file: ClusterFile?, faults: [ClusterFault]) {
        ClusterFile.read(Data(text.utf8))
    }

    @Test("a file is read as it is written")
    func reading() throws {
        let (file, faults) = Self.read(Self.good)
        #expect(faults == [])
        let cluster = try #require(file)
        #expect(cluster.cell == "lending" && cluster.fractionBits == 20 && cluster.slabBits == 15)
        #expect(cluster.members.map(\.name) == ["clinic", "bank"] && cluster.members.map(\.identity.count) == [1, 2])
        #expect(cluster.members[1].door == "https://bank.example:8443")
        #expect(try cluster.part(of: "bank") == .party(1))
        #expect(try cluster.part(of: "notary") == .dealer(0))
        #expect(throws: CrypTenError.self) { _ = try cluster.part(of: "nobody") }
        let model = cluster.models[0]
        #expect(model.inputs[0].shapes == [[nil, 1, 28, 28]] && model.inputs[0].range == 0...1)
        #expect(model.window == .milliseconds(5) && model.sizes == [1, 8, 32] && model.prepared == [1: 8, 32: 4])
        #expect(cluster.clients[0].models["digits"]?.rowsPerDay == 100_000)
        #expect(
            cluster.limits.requests == 64 && cluster.limits.requestBytes == 16 << 20
                && cluster.limits.waiting == .seconds(5)
        )
        #expect(cluster.local["clinic"]?.listen == "0.0.0.0:9400")
    }

    @Test("what is wrong is said with its line, all of it in one look")
    func faults() {
        func fault(_ change: (String) -> String) -> [String] {
            Self.read(change(Self.good)).faults.map(\.description)
        }
        /// What is said of the file with one part replaced, and the line where that stands.
        func replacing(_ part: String, _ other: String) -> (faults: [String], line: Int) {
            guard let range = Self.good.range(of: part) else {
                Issue.record("the file has no \(part)")
                return ([], 0)
            }
            let line = Self.good[..<range.lowerBound].count { $0 == "\n" } + 1
            return (fault { $0.replacingCharacters(in: range, with: other) }, line)
        }
        let cases: [(change: (faults: [String], line: Int), contains: String)] = [
            (replacing("fraction_bits: 20", "fraction_bit: 20"), "did you mean 'fraction_bits'?"),
            (replacing("fraction_bits: 20", "fraction_bits: 40"), "a whole number from 4 to 28"),
            (replacing("fraction_bits: 20", "slab_bits: 21"), "a whole number from 12 to 20"),
            (replacing("clinic.example:9400", "clinic.example"), "is no address"),
            (replacing("door: https://clinic", "door: http://clinic"), "https://host:port"),
            (replacing("[\(Self.fingerprint("a"))]", "[abc]"), "is no fingerprint"),
            (replacing("owner: bank", "owner: shop"), "'shop' is no member"),
            (replacing("window: 5ms", "window: 5"), "write a number and ms, s, min or h"),
            (replacing("sizes: [1, 8, 32]", "sizes: [8, 1, 32]"), "ascend"),
            (replacing("prepared: {1: 8", "prepared: {2: 8"), "which are [1, 8, 32]"),
            (replacing("range: [0, 1]", "range: [1, 0]"), "the least and the largest"),
            (replacing("models: {digits: {outputs", "models: {digit: {outputs"), "there is no model 'digit'"),
            (replacing("16MiB", "16MB"), "write a number and KiB, MiB or GiB"),
            (replacing("https://app.example", "\"*\""), "there is no wildcard"),
            (replacing("  clinic: {identity", "  clinik: {identity"), "there is no member or dealer of that name"),
            (replacing("cell: lending", "cell: &name lending"), "named to be repeated elsewhere"),
        ]
        let others: [(faults: [String], contains: String)] = [
            (replacing("party: 1", "party: 0").faults, "must be 0 to n − 1"),
            (replacing("    party: 1\n", "").faults, "'party' is missing"),
            (replacing(Self.fingerprint("b"), Self.fingerprint("a")).faults, "are known by one fingerprint"),
            (replacing("cell: lending", "cell: lending\ncell: other").faults, "'cell' stands more than once"),
            (fault { $0 + "\nmodels: [" }, "this is no YAML"),
            (fault { _ in "" }, "empty"),
            (fault { _ in "[1, 2]" }, "is made of names"),
        ]
        for (change, text) in cases {
            let told = change.faults.joined(separator: "\n")
            #expect(
                told.contains(text) && told.contains("line \(change.line),"),
                "line \(change.line), \(text): \(told)"
            )
        }
        for (faults, text) in others {
            let told = faults.joined(separator: "\n")
            #expect(told.contains(text), "\(text): \(told)")
        }
        let several = fault {
            $0.replacingOccurrences(of: "fraction_bits: 20", with: "fraction_bits: x").replacingOccurrences(
                of: "5ms",
                with: "5 apples"
            )
        }
        #expect(several.count == 2)
    }

    @Test("a warning doesn't make a file useless")
    func warnings() {
        let (file, faults) = Self.read(
            Self.good.replacingOccurrences(of: "https://bank.example:8443/", with: "https://clinic.example:8444")
        )
        #expect(file != nil && faults.map(\.gravity) == [.warning])
        #expect(faults[0].message.contains("whoever ends TLS there for both sees every question"))
    }

    @Test("a small file that stands for a large one is refused, at once")
    func expansion() {
        var text = "cell: &a0 [x]\n"
        for level in 1...40 { text += "k\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        let start = ContinuousClock.now
        let (file, faults) = Self.read(text)
        #expect(file == nil && faults.contains { $0.message.contains("named to be repeated elsewhere") })
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("parties agree on what they must, and on nothing that one may change alone")
    func agreement() throws {
        let digest = try #require(Self.read(Self.good).file).agreementDigest
        func changed(_ part: String, _ other: String) throws -> Bool {
            #expect(Self.good.contains(part))
            return try #require(Self.read(Self.good.replacingOccurrences(of: part, with: other)).file).agreementDigest
                != digest
        }
        for (part, other) in [
            ("lending", "borrowing"), ("fraction_bits: 20", "fraction_bits: 16"),
            ("fraction_bits: 20", "fraction_bits: 20\nslab_bits: 18"),
            ("rows_per_day: 100000", "rows_per_day: 100001"),
            ("outputs: [scores]", "outputs: [label]"), ("range: [0, 1]", "range: [0, 2]"),
            ("{1: 8, 32: 4}", "{1: 8, 32: 5}"),
            ("[[rows, 1, 28, 28]]", "[[rows, 1, 28, 29]]"), ("owner: bank", "owner: clinic"),
            ("window: 5ms", "window: 6ms"),
        ] { #expect(try changed(part, other)) }
        for (part, other) in [
            ("fraction_bits: 20", "fraction_bits: 20\nslab_bits: 15"),
            (Self.fingerprint("c"), Self.fingerprint("f")), ("notary.example", "other.example"),
            ("requests: 64", "requests: 65"),
            ("https://app.example", "https://app2.example"), ("/etc/crypten/clinic.pem", "/etc/crypten/new.pem"),
        ] { #expect(try !changed(part, other)) }
    }
}
