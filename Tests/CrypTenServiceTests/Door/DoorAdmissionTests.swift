import CrypTenIdentity
import CrypTenService
import CrypTenSharing
import Testing

@Suite("Who may ask what at the door")
struct DoorAdmissionTests {
    private static func client(outputs: [String]? = nil) -> ClusterFile.Client {
        ClusterFile.Client(
            name: "app",
            certificates: [],
            keys: [],
            models: ["digits": ClusterFile.Allowance(outputs: outputs, rowsPerDay: nil)]
        )
    }

    private static func entry(_ version: String, sizes: [Int]? = nil) -> ModelShelf.Entry {
        func input(_ name: String, _ shapes: [[Int]]) -> ModelMetadata.Input {
            ModelMetadata.Input(
                name: name,
                shape: shapes[0],
                parameters: ModelMetadata.Input.Parameters(type: .fp32, fractionBits: 16, shapes: shapes)
            )
        }
        func output(_ name: String) -> ModelMetadata.Output {
            ModelMetadata.Output(
                name: name,
                shape: [-1, 2],
                parameters: ModelMetadata.Output.Parameters(type: .fp32, fractionBits: 16)
            )
        }
        return ModelShelf.Entry(
            version: version,
            inputs: [input("a", [[-1, 2], [-1, 4]]), input("b", [[-1, 1], [-1, 2]])],
            outputs: [output("y"), output("z")],
            mostRows: 8,
            sizes: sizes
        )
    }

    private static func request(
        a: [Int] = [2, 2],
        b: [Int] = [2, 1],
        names: (String, String) = ("a", "b"),
        outputs: [String]? = nil,
        seed: Bool = false
    ) -> InferenceRequest {
        let inputs = [InferenceRequest.Input(name: names.1, shape: b), InferenceRequest.Input(name: names.0, shape: a)]
        return InferenceRequest(
            id: .random(),
            epoch: .random(),
            inputs: inputs,
            part: seed
                ? .seed(ShareSeed(bytes: [UInt8](repeating: 1, count: 32))!)
                : .words([[UInt64](repeating: 1, count: b.reduce(1, *)), [UInt64](repeating: 2, count: a.reduce(1, *))]
                ),
            outputs: outputs
        )
    }

    private static func admit(
        _ request: InferenceRequest,
        model: String = "digits",
        version: String? = nil,
        outputs: [String]? = nil,
        served: [ModelShelf.Entry] = [entry("v2"), entry("v1")],
        isLast: Bool = true
    ) throws -> AdmittedRequest {
        try DoorAdmission.admit(
            request,
            model: model,
            version: version,
            of: client(outputs: outputs),
            served: served,
            isLast: isLast
        )
    }

    private static func code(_ body: () throws -> AdmittedRequest) -> DoorRefusal.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? DoorRefusal)?.code
        }
    }

    @Test("inputs are put in the model's order, with their words; the newest version answers who names none")
    func order() throws {
        let request = Self.request()
        let admitted = try Self.admit(request)
        #expect(admitted.inputs.map(\.name) == ["a", "b"] && admitted.version == "v2" && admitted.rows == 2)
        #expect(try admitted.words(at: 1) == [[2, 2, 2, 2], [1, 1]])
        #expect(admitted.key == RequestKey(client: "app", epoch: request.epoch, id: request.id))
        #expect(try Self.admit(Self.request(), version: "v1").version == "v1")
        #expect(admitted.outputs == ["y", "z"])
        #expect(try Self.admit(Self.request(outputs: ["z"])).outputs == ["z"])
        #expect(try Self.admit(Self.request(), outputs: ["z"]).outputs == ["z"])
    }

    @Test("what the cluster file doesn't allow is refused by each party for itself")
    func refused() {
        #expect(Self.code { try Self.admit(Self.request(), model: "faces") } == .forbidden)
        #expect(Self.code { try Self.admit(Self.request(outputs: ["y"]), outputs: ["z"]) } == .forbidden)
        #expect(Self.code { try Self.admit(Self.request(outputs: ["w"])) } == .forbidden)
        #expect(Self.code { try Self.admit(Self.request(), version: "v0") } == .notFound)
    }

    @Test("shapes are those that are permitted, together, and rows are bounded")
    func shapes() {
        #expect(Self.code { try Self.admit(Self.request(a: [2, 4], b: [2, 2])) } == nil)
        // Each is permitted, and not with the other.
        #expect(Self.code { try Self.admit(Self.request(a: [2, 4], b: [2, 1])) } == .malformed)
        #expect(Self.code { try Self.admit(Self.request(a: [2, 3])) } == .malformed)
        #expect(Self.code { try Self.admit(Self.request(a: [2, 2, 1])) } == .malformed)
        #expect(Self.code { try Self.admit(Self.request(a: [9, 2], b: [9, 1])) } == .tooLarge)
        #expect(Self.code { try Self.admit(Self.request(a: [0, 2], b: [0, 1])) } == .tooLarge)
        #expect(Self.code { try Self.admit(Self.request(names: ("a", "c"))) } == .malformed)
        // A model that mixes its rows takes certain numbers of them.
        #expect(Self.code { try Self.admit(Self.request(), served: [Self.entry("v", sizes: [1, 4])]) } == .tooLarge)
        #expect(Self.code { try Self.admit(Self.request(), served: [Self.entry("v", sizes: [2])]) } == nil)
    }

    @Test("a party takes what is meant for it: the last one words, the others a seed")
    func parts() throws {
        #expect(Self.code { try Self.admit(Self.request(seed: true)) } == .malformed)
        #expect(Self.code { try Self.admit(Self.request(), isLast: false) } == .malformed)
        let admitted = try Self.admit(Self.request(seed: true), isLast: false)
        let words = try admitted.words(at: 0)
        #expect(words.map(\.count) == [4, 2])
        #expect(try admitted.words(at: 1) != words)
    }
}

extension AdmittedRequest {
    /// A party's words of each input, copied.
    fileprivate func words(at party: Int) throws -> [[UInt64]] {
        var words: [[UInt64]] = []
        try withWords(at: party) { words.append($1.map { $0 }) }
        return words
    }
}
