import CrypTen
import CrypTenONNX

/// Into which slices a batch is cut so that no process goes beyond its memory: the same at every party, as all of it follows
/// from shapes.
struct Slicing {
    /// An input of the model as all parties know it.
    struct Argument {
        var name: String
        var shape: Shape
        var kind: ElementKind
        /// Who has it; where several do, the first.
        var owner: PartyID
        /// The numbers of a public input; nil: it is secret.
        var value: Tensor?
        /// What all may know of a secret input.
        var range: ClosedRange<Double>?
    }

    var model: ONNXModel
    var modelOwner: PartyID
    var arguments: [Argument]
    /// Who learns what.
    var outputs: [ReceivedOutput]
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    var budget: MemoryBudget

    /// Whether a shape has the batch as its first axis.
    static func isCut(_ shape: Shape, batch: Int) -> Bool {
        shape.rank > 0 && shape[0] == batch
    }

    /// Whether a public input is cut along with the batch: where the model gives its first extent the same name as that of a
    /// secret input. That it is as long by chance is no reason.
    static func isCut(public name: String, _ shape: Shape, batch: Int, secret: Set<String>, _ model: ONNXModel) -> Bool
    {
        let first = { (input: ONNXModel.Input?) in input?.dimensions?.first }
        guard isCut(shape, batch: batch), case .named(let own)? = first(model.inputs.first { $0.name == name }) else {
            return false
        }
        return model.inputs.contains { secret.contains($0.name) && first($0) == .named(own) }
    }

    /// How the batch is cut, and what making a run's correlations takes.
    struct Cut {
        /// The slices in order; nil: the batch fits as it is, in one run.
        var slices: [Range<Int>]?
        /// About how many bytes a party has beside tensors while it makes a slice's correlations, and stores; 0 where there is a dealer.
        var madeBytes: Int
    }

    /// Cuts the batch.
    ///
    /// - Throws: `.invalidArgument` where the batch doesn't fit and can't be cut, or where even the smallest slice doesn't
    ///   fit: the message says what that takes.
    func cut() throws -> Cut {
        guard let fixed = missedExtent else {
            let whole = try estimate(nil)
            if whole.bytes <= budget.limit { return Cut(slices: nil, madeBytes: whole.madeBytes) }
            let batch = try cuttable(whole)
            guard !isBatchFixed else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(whole.needs(budget)), and the model fixes its batch at \(batch): export it with a dynamic one, "
                        + "or raise --memory-limit"
                )
            }
            let (size, slice) = try largest(below: batch, whole)
            return Cut(slices: ranges(of: batch, each: size), madeBytes: slice.madeBytes)
        }
        // The model takes one size alone, and the batch is another.
        let batch = try cuttable(nil)
        guard batch > 0, fixed > 0, batch.isMultiple(of: fixed) else {
            throw CrypTenError(
                .invalidArgument,
                "the model fixes its batch at \(fixed), and \(batch) isn't a multiple of it: no slices fit the model"
            )
        }
        let slice = try estimate(fixed)
        try check(slice, of: fixed)
        return Cut(slices: ranges(of: batch, each: fixed), madeBytes: slice.madeBytes)
    }

    // MARK: Sizes

    /// What one run takes, at the process that needs most.
    private struct Estimate {
        var bytes: Int
        var madeBytes: Int
        var outputs: [(name: String, shape: Shape)]

        func needs(_ budget: MemoryBudget) -> String {
            "the batch would take about \(bytes.asMemory) and the limit is \(budget.limit.asMemory)"
        }
    }

    /// The first secret input's first extent.
    private var batch: Int? {
        arguments.first { $0.value == nil && $0.shape.rank > 0 }?.shape[0]
    }

    /// The first extent of each secret input, and that which the model fixes for it.
    private var fixedExtents: [(given: Int, fixed: Int)] {
        arguments.filter { $0.value == nil && $0.shape.rank > 0 }.compactMap { argument in
            let input = model.inputs.first { $0.name == argument.name }
            guard case .fixed(let extent)? = input?.dimensions?.first else { return nil }
            return (argument.shape[0], extent)
        }
    }

    /// The batch that the model takes, where another is given.
    private var missedExtent: Int? {
        fixedExtents.first { $0.given != $0.fixed }?.fixed
    }

    private var isBatchFixed: Bool {
        !fixedExtents.isEmpty
    }

    /// The batch's extent, where inputs and outputs can be cut along it.
    private func cuttable(_ whole: Estimate?) throws -> Int {
        let reason = whole.map { $0.needs(budget) + "; " } ?? ""
        let secret = arguments.filter { $0.value == nil }
        guard let batch else {
            throw CrypTenError(.invalidArgument, reason + "no secret input has a batch that could be cut into slices")
        }
        if let other = secret.first(where: { !Slicing.isCut($0.shape, batch: batch) }) {
            throw CrypTenError(
                .invalidArgument,
                reason + "it can't be cut into slices, as input '\(secret[0].name)' has a batch of \(batch), and "
                    + "'\(other.name)' has shape \(other.shape)"
            )
        }
        if let output = whole?.outputs.first(where: { !Slicing.isCut($0.shape, batch: batch) }) {
            throw CrypTenError(
                .invalidArgument,
                reason
                    + "it can't be cut into slices, as output '\(output.name)' of shape \(output.shape) doesn't have "
                    + "the batch as its first axis"
            )
        }
        return batch
    }

    /// The largest slice that fits, by bisection.
    private func largest(below batch: Int, _ whole: Estimate) throws -> (size: Int, slice: Estimate) {
        let one = try estimate(1)
        var fits = (size: 1, slice: one)
        try check(one, of: 1)
        _ = try estimate(2, provesIndependence: true)
        for (whole, one) in zip(whole.outputs, one.outputs)
        where Array(whole.shape.dimensions.dropFirst()) != Array(one.shape.dimensions.dropFirst()) {
            throw CrypTenError(
                .invalidArgument,
                "the batch can't be cut into slices: output '\(one.name)' has shape \(one.shape) for one of the batch, and "
                    + "\(whole.shape) for all of it"
            )
        }
        var tooLarge = batch
        while tooLarge - fits.size > 1 {
            let size = (fits.size + tooLarge) / 2
            let slice = try estimate(size)
            if slice.bytes <= budget.limit { fits = (size, slice) } else { tooLarge = size }
        }
        return fits
    }

    private func check(_ slice: Estimate, of size: Int) throws {
        guard slice.bytes <= budget.limit else {
            throw CrypTenError(
                .invalidArgument,
                "--memory-limit \(budget.limit.asMemory) is too little: a batch of \(size) takes about "
                    + "\(slice.bytes.asMemory) in one process"
            )
        }
        if let output = slice.outputs.first(where: { !Slicing.isCut($0.shape, batch: size) }) {
            throw CrypTenError(
                .invalidArgument,
                "the batch can't be cut into slices: output '\(output.name)' has shape \(output.shape) for a batch of "
                    + "\(size), which isn't its first axis"
            )
        }
    }

    /// Slices of one size, the last smaller; as many as the largest that fits makes necessary, and as even as can be.
    private func ranges(of batch: Int, each largest: Int) -> [Range<Int>] {
        let count = (batch + largest - 1) / largest
        let size = (batch + count - 1) / count
        return stride(from: 0, to: batch, by: size).map { $0..<min($0 + size, batch) }
    }

    // MARK: Estimates

    /// What a slice takes of so many of the batch; nil: the whole of it.
    ///
    /// - Parameter provesIndependence: Whether to refuse what reads across the batch; of two of it at least.
    private func estimate(_ size: Int?, provesIndependence: Bool = false) throws -> Estimate {
        var rehearsal = try Rehearsal(
            parties: parties,
            fractionBits: fractionBits,
            slabBits: slabBits,
            correlations: correlations.provider,
            transferTreeHeight: correlations.transferTreeHeight
        )
        let announced = rehearsal.announce(model, from: modelOwner)
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
        let secret = Set(arguments.lazy.filter { $0.value == nil }.map(\.name))
        var cut: [CrypTensor] = []
        for argument in arguments {
            var shape = argument.shape
            var value = argument.value
            let isCut =
                size != nil
                && batch.map { batch in
                    value == nil
                        ? Slicing.isCut(shape, batch: batch)
                        : Slicing.isCut(public: argument.name, shape, batch: batch, secret: secret, model)
                } ?? false
            if let size, isCut {
                shape = Shape([size] + shape.dimensions.dropFirst())
                value = value?.rows(0..<size)
            }
            let (kind, name) = (argument.kind, argument.name)
            if let value {
                if model.mustKnow(name) {
                    publicValues[name] = value
                } else {
                    tensors[name] = rehearsal.publicInput(shape: shape, kind: kind, name: name)
                }
            } else {
                let input = rehearsal.input(
                    from: argument.owner,
                    shape: try model.words[name]?.shape(of: shape) ?? shape,
                    kind: kind,
                    name: name
                )
                tensors[name] = argument.range.map { input.declaring(range: $0) } ?? input
            }
            if isCut, let tensor = tensors[name] { cut.append(tensor) }
        }
        let (module, _) = try rehearsal.hold(announced)
        let outputs = try module(tensors, publicValues: publicValues)
        let ordered = self.outputs.compactMap { outputs[$0.output.name] }
        if provesIndependence { try BatchIndependence.check(ordered, cutInputs: cut) }
        let rehearsed = try rehearsal.run(zip(self.outputs, ordered).flatMap { $0.reveals($1, of: parties) })
        let (run, offline) = try rehearsed.memory(
            correctionWindow: budget.correctionWindow,
            waitingLimit: budget.waitingLimit
        )
        let setup = rehearsal.setupMemory
        var values = zip(run.bytesPerParty, setup.bytesPerParty).map { max($0, $1) }
        // Clear tensors: the input and the outputs as a whole, the weights as a file, as numbers and encoded.
        for argument in arguments { values[argument.owner.index] += 8 * argument.shape.count }
        for (output, expression) in zip(self.outputs, ordered) {
            for party in output.parties { values[party] += 12 * expression.shape.count }
        }
        values[modelOwner.index] += 20 * model.parameters.reduce(0) { $0 + $1.shape.count }
        let largest = max(values.max() ?? 0, run.dealerBytes, setup.dealerBytes)
        return Estimate(
            bytes: MemoryBudget.processBytes(values: largest),
            madeBytes: offline.map { $0.storedBytes + $0.memoryBytes } ?? 0,
            outputs: zip(self.outputs, ordered).map { ($0.output.name, $1.shape) }
        )
    }
}

extension ONNXModel {
    /// Whether the numbers of a public input decide shapes or addresses of the plan.
    func mustKnow(_ name: String) -> Bool {
        inputs.contains { $0.name == name && $0.isKnownWherePublic }
    }
}

extension Tensor {
    /// A run of the first axis.
    func rows(_ range: Range<Int>) -> Tensor {
        rows(Array(range))
    }

    /// Tensors of one type, one after the other along the first axis.
    static func joining(_ parts: [Tensor]) -> Tensor {
        guard let first = parts.first, parts.count > 1 else { return parts[0] }
        func joined<Number>(_ numbers: (Elements) -> [Number]?) -> [Number] {
            parts.flatMap { numbers($0.elements) ?? [] }
        }
        let elements: Elements =
            switch first.elements {
            case .float: .float(joined { if case .float(let values) = $0 { values } else { nil } })
            case .double: .double(joined { if case .double(let values) = $0 { values } else { nil } })
            case .int32: .int32(joined { if case .int32(let values) = $0 { values } else { nil } })
            case .int64: .int64(joined { if case .int64(let values) = $0 { values } else { nil } })
            case .bool: .bool(joined { if case .bool(let values) = $0 { values } else { nil } })
            }
        let extent = parts.reduce(0) { $0 + $1.shape[0] }
        return Tensor(elements, shape: Shape([extent] + first.shape.dimensions.dropFirst()))
    }
}
