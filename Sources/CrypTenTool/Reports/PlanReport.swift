import CrypTen
import CrypTenONNX

/// What an inference will cost, layer by layer and in total, and who sees which constant.
struct PlanReport: Encodable, Sendable {
    struct Input: Encodable, Sendable {
        var name: String
        var type: String
        var shape: [Int]
        var visibility: Visibility
        /// Who has it; of parts whose each is, in their order.
        var owners: [Int] = [0]
    }

    struct Output: Encodable, Sendable {
        var name: String
        var type: String
        var shape: [Int]
        /// Who learns it.
        var parties: [Int] = [0]
    }

    struct Constant: Encodable, Sendable {
        var name: String
        var type: String
        var shape: [Int]
        var visibility: Visibility
        /// The rule that made it so, and the same in words.
        var rule: ONNXModel.Rule
        var reason: String
    }

    struct Layer: Encodable, Sendable {
        var name: String
        var rounds = 0
        var onlineBytesPerParty: [Int]
        var setupBytesPerParty: [Int]
        var dealerBytes = 0
        var multiplyAccumulates = 0
        /// Its real values are right below 2 to this power; nil where it has none.
        var magnitudeExponent: Int?
        /// Seconds of the prediction; nil where nothing is predicted.
        var seconds: Double?
    }

    /// What the predicted time goes to, in seconds.
    struct TimeParts: Encodable, Sendable {
        var computing: Double
        var latency: Double
        var bandwidth: Double
        var dealer: Double
    }

    /// What making the correlations will take.
    struct Offline: Encodable, Sendable {
        /// Frame headers included.
        var bytesPerParty: [Int]
        var exchanges: Int
        /// By half a round trip each: where there are many turns they overlap, but for the last one's.
        var waitedExchanges: Int
        /// What a session makes beside that, once, before its first run: bytes that each party sends, and exchanges.
        var sessionBytesPerParty = [OfflineCost.connectionBytes, OfflineCost.connectionBytes]
        var sessionExchanges = OfflineCost.connectionExchanges
        /// Correlated transfers, bits of their messages, and bytes that extend them, in both directions.
        var transfers: Int
        var messageBits: Int
        var extensionBytes: Int
        var ciphertexts: Int
        var answers: Int
        /// Of correlations and differences of masks, which either party keeps until the run.
        var storedBytesPerParty: Int
        /// What transfers and ciphertexts take at most while they are made: an estimate.
        var memoryBytesPerParty: Int
        /// Levels of the trees that transfers are extended by.
        var transferTreeHeight: Int
        /// About how long it takes on the network, by measured rates.
        var network: String
        var seconds: Double
        /// The trees with which it takes the least time there; nil where these are.
        var quickest: QuickestTrees?

        init(_ cost: OfflineCost, on network: NetworkProfile) {
            bytesPerParty = cost.bytesPerParty
            (exchanges, waitedExchanges) = (cost.exchanges, cost.waitedExchanges)
            (transfers, messageBits, extensionBytes) = (cost.transfers, cost.messageBits, cost.extensionBytes)
            (ciphertexts, answers) = (cost.ciphertexts, cost.answers)
            storedBytesPerParty = cost.storedBytes
            memoryBytesPerParty = cost.memoryBytes
            self.network = network.name
            transferTreeHeight = cost.transferTreeHeight
            seconds = cost.seconds(on: network)
            quickest = QuickestTrees(cost, on: network)
        }

        /// How many exchanges, and how many are waited for, where that is another number.
        var exchangesText: String {
            exchanges == waitedExchanges
                ? exchanges.grouped : "\(exchanges.grouped), of which \(waitedExchanges.grouped) are waited for"
        }

        /// Lines of a table.
        var lines: [(String, String)] {
            [
                ("offline bytes a party", bytesPerParty.map(\.grouped).joined(separator: "  ")),
                ("offline exchanges", exchangesText),
                (
                    "beside that, once a session",
                    "\((sessionBytesPerParty.max() ?? 0).grouped) bytes a party, \(sessionExchanges) exchanges"
                ),
                ("correlated transfers", transfers.grouped),
                ("of these bits of messages", messageBits.grouped),
                ("and bytes of extension", extensionBytes.grouped),
                ("levels of their trees", "\(transferTreeHeight)"),
                ("ciphertexts and answers", "\(ciphertexts.grouped)  \(answers.grouped)"),
                ("stored a party", storedBytesPerParty.grouped),
                ("memory while they are made, about", memoryBytesPerParty.asMemory),
                ("seconds offline, about", "\(seconds.fixed(3)) (\(network))"),
            ] + (quickest?.lines(beside: seconds) ?? [])
        }
    }

    var parties: Int
    var rounds: Int
    var onlineBytesPerParty: [Int]
    var setupBytesPerParty: [Int]
    var dealerBytes: Int
    /// What two parties without a dealer make themselves; nil where there is one.
    var offline: Offline?
    var multiplyAccumulates: Int
    /// What the values of a run take at its worst moment: estimates.
    var memoryBytesPerParty: [Int]
    var dealerMemoryBytes: Int
    /// What members hold between such runs, too.
    var heldMemoryBytesPerParty: [Int]
    var dealerHeldMemoryBytes: Int
    /// The network of the prediction, its time, and what that goes to; nil where nothing is predicted.
    var network: String?
    var predictedSeconds: Double?
    var predictedParts: TimeParts?
    /// What party 0 asks its device for; nil where computing is the processor's.
    var device: DeviceCost?
    var layers: [Layer]
    var inputs: [Input]
    var outputs: [Output]
    var constants: [Constant]
    /// The public exponents of secret weights; nil where they have none.
    var weightExponents: WeightExponents?
    /// What all parties see of the model's trees; nil where it has none.
    var ensembles: [ONNXModel.Ensemble]?
    /// The texts of labels that all parties see, by output or node; nil where there are none.
    var labels: [String: [String]]?
    /// What the encoding takes from weights.
    var losses: [EncodingLoss]?
    /// The sentence about factors that are too large; nil where there are none.
    var heldFactors: String?

    /// Joins the costs of masking the weights once and of running the model once.
    init(
        online: Cost,
        setup: Cost,
        memory: MemoryEstimate,
        prediction: Prediction? = nil,
        inputs: [Input],
        outputs: [Output],
        constants: [ONNXModel.Constant]
    ) {
        parties = online.onlineBytes.count
        rounds = online.rounds
        onlineBytesPerParty = online.onlineBytes
        setupBytesPerParty = setup.onlineBytes
        dealerBytes = online.dealerBytes + setup.dealerBytes
        multiplyAccumulates = online.multiplyAccumulates
        memoryBytesPerParty = memory.bytesPerParty
        dealerMemoryBytes = memory.dealerBytes
        heldMemoryBytesPerParty = memory.heldBytesPerParty
        dealerHeldMemoryBytes = memory.heldDealerBytes
        let nothing = [Int](repeating: 0, count: parties)
        var layers: [Layer] = []
        func place(_ name: String) -> Int {
            if let known = layers.firstIndex(where: { $0.name == name }) { return known }
            layers.append(Layer(name: name, onlineBytesPerParty: nothing, setupBytesPerParty: nothing))
            return layers.count - 1
        }
        for part in online.layers {
            let index = place(part.name)
            layers[index].rounds = part.rounds
            layers[index].onlineBytesPerParty = part.onlineBytes
            layers[index].dealerBytes = part.dealerBytes
            layers[index].multiplyAccumulates = part.multiplyAccumulates
            layers[index].magnitudeExponent = part.magnitudeExponent
        }
        for part in setup.layers {
            let index = place(part.name)
            layers[index].setupBytesPerParty = part.onlineBytes
            layers[index].dealerBytes += part.dealerBytes
        }
        // Corrections of all layers are one stream; the headers of its frames belong to none of them.
        let headers = dealerBytes - layers.reduce(0) { $0 + $1.dealerBytes }
        if headers > 0 { layers[place("(frame headers)")].dealerBytes += headers }
        if let prediction {
            for part in prediction.layers { layers[place(part.name)].seconds = part.seconds }
            network = prediction.network.name
            predictedSeconds = prediction.seconds
            let parts = prediction.parts
            predictedParts = TimeParts(
                computing: parts.computing,
                latency: parts.latency,
                bandwidth: parts.bandwidth,
                dealer: parts.dealer
            )
        }
        self.layers = layers
        self.inputs = inputs
        self.outputs = outputs
        self.constants = constants.map {
            Constant(
                name: $0.name,
                type: $0.type.rawValue,
                shape: $0.shape.dimensions,
                visibility: $0.visibility,
                rule: $0.rule,
                reason: $0.reason
            )
        }
    }

    /// The predicted time and what it goes to, as lines of a table.
    var timeLines: [(String, String)] {
        guard let network, let seconds = predictedSeconds, let parts = predictedParts else { return [] }
        return [
            (offline == nil ? "predicted seconds" : "predicted seconds online", "\(seconds.fixed(3)) (\(network))"),
            (
                "of these",
                """
                computing \(parts.computing.fixed(3)), latency \(parts.latency.fixed(3)), \
                bandwidth \(parts.bandwidth.fixed(3))\(offline == nil ? ", dealer \(parts.dealer.fixed(3))" : "")
                """
            ),
        ]
    }

    /// It is of two parties who make the correlations themselves.
    mutating func isWithoutDealer(_ cost: OfflineCost, on network: NetworkProfile) {
        offline = Offline(cost, on: network)
        // Nobody sends them.
        dealerBytes = 0
        layers.removeAll { $0.name == "(frame headers)" }
    }

    /// What members hold, as lines of a table.
    private var memoryLines: [(String, String)] {
        let held = heldMemoryBytesPerParty + (offline == nil ? [dealerHeldMemoryBytes] : [])
        var lines: [(String, String)] = []
        if offline == nil { lines.append(("dealer's memory, about", dealerMemoryBytes.asMemory)) }
        lines.append(("held for runs like it, about", held.map(\.asMemory).joined(separator: "  ")))
        return lines
    }

    /// Tables for people.
    ///
    /// Parties differ where one of them owns what is sent; the layers' figures are the largest.
    var text: String {
        var costs = TextTable(
            [
                "layer", "rounds", "online bytes", "setup bytes", offline == nil ? "dealer bytes" : "stored bytes",
                "multiply-accumulates", "right below",
            ]
                + (predictedSeconds == nil ? [] : ["seconds"])
        )
        for layer in layers {
            costs.add(
                [
                    layer.name, "\(layer.rounds)", (layer.onlineBytesPerParty.max() ?? 0).grouped,
                    (layer.setupBytesPerParty.max() ?? 0).grouped, layer.dealerBytes.grouped,
                    layer.multiplyAccumulates.grouped, layer.magnitudeExponent.map { "2^\($0)" } ?? "",
                ] + (predictedSeconds == nil ? [] : [layer.seconds?.fixed(4) ?? ""])
            )
        }
        var totals: [(String, String)] = [
            ("rounds", rounds.grouped),
            ("online bytes a party", onlineBytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("setup bytes a party", setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("multiply-accumulates", multiplyAccumulates.grouped),
            ("memory a party, about", memoryBytesPerParty.map(\.asMemory).joined(separator: "  ")),
        ]
        totals.insert(contentsOf: offline?.lines ?? [("dealer bytes", dealerBytes.grouped)], at: 3)
        totals += memoryLines + timeLines
        var values = TextTable(["name", "is", "type", "shape", "because"])
        for input in inputs {
            let owners = input.owners.map { "party \($0)" }.joined(separator: " and ")
            values.add(
                [input.name, "\(input.visibility.rawValue) input", input.type, "\(input.shape)"]
                    + (input.owners == [0] ? [] : ["of \(owners)"])
            )
        }
        for output in outputs {
            let parties = output.parties.map { "party \($0)" }.joined(separator: ", ")
            values.add(
                [output.name, "output", output.type, "\(output.shape)"]
                    + (output.parties == [0] ? [] : ["learnt by \(parties)"])
            )
        }
        for constant in constants {
            values.add([
                constant.name, "\(constant.visibility.rawValue) constant", constant.type, "\(constant.shape)",
                constant.reason,
            ])
        }
        return ([costs.text, TextTable.list(totals)] + [device?.text].compactMap { $0 } + [values.text])
            .joined(separator: "\n\n")
    }
}
