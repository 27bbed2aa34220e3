internal import CrypTenBase
internal import CrypTenExpressions
public import CrypTenRuntime
public import Foundation

/// A network's weights from a file of one party's, and to one.
extension Session {
    /// Gives a module the weights in a file of one party's: its secrets, as PyTorch names them.
    ///
    /// - Parameters:
    ///   - model: What it had before is replaced; what of it this session kept is given up.
    ///   - owner: The party that has the file.
    ///   - url: A file whose name ends in `.safetensors` or `.npz`; read at the owner alone.
    ///   - isPartial: Whether tensors of the module may be missing in the file; those stay as they are. Which are there all parties learn.
    /// - Throws: where the file can't be read or doesn't fit, its owner's own error there, naming file and tensor: of ``WeightsFile``, `.invalidArgument` for a
    ///   name that the module hasn't or one that is missing, `.shapeMismatch`, `.outOfRange`; at the others `.partyFailed`. The session
    ///   lives then. Otherwise as ``hold(_:)``. The model is unchanged then.
    /// - Complexity: 8 bytes an element from the owner to each other party, at once, counted as setup.
    public func loadWeights<Model: Module>(
        into model: inout Model,
        from owner: PartyID,
        file url: URL,
        isPartial: Bool = false
    ) async throws {
        let forms = model.stateForms
        let read: Result<[String: Tensor], any Error>? =
            owner == party ? Result { try forms.tensors(of: url, isPartial: isPartial) } : nil
        let listed = try await broadcast(from: owner, refusing: .model) {
            [UInt8](try JSONEncoder().encode(read?.get().keys.sorted() ?? []))
        }
        guard let names = try? JSONDecoder().decode(Set<String>.self, from: Data(listed)),
            names.isSubset(of: forms.map(\.name))
        else {
            throw CrypTenError(.malformedFrame, "\(owner) named weights that the model hasn't")
        }
        let tensors = try read?.get() ?? [:]
        var tree = ParameterTree()
        for form in forms where names.contains(form.name) {
            let tensor = tensors[form.name]
            let weight = try await input(from: owner, name: form.name) {
                guard let tensor else { preconditionFailure("the owner alone loads, and has named what it has") }
                return tensor
            }
            guard weight.shape == form.shape, weight.kind == form.kind else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(owner) put in '\(form.name)' of shape \(weight.shape), where \(form.shape) is due"
                )
            }
            tree[form.name] = weight
        }
        let held = try await hold(tree.map(\.tensor))
        let loaded = ParameterTree(zip(tree.names, held).map { ($0, $1) })
        let replaced = model.stateTree.map(\.tensor)
        (model.parameters, model.buffers) = (loaded, loaded)
        try await releaseReplaced(replaced, remaining: model.stateTree.map(\.tensor))
    }

    /// Tells a party a module's weights, which it writes into a file, as PyTorch names them.
    ///
    /// - Parameters:
    ///   - model: Parameters and buffers are told.
    ///   - recipient: The party that learns them: a decision that all parties make by calling this.
    ///   - url: A file whose name ends in `.safetensors` or `.npz`; written at the recipient alone.
    ///   - isDouble: Whether reals are written as 64-bit floats, which hold all fraction bits of large values, too, instead of 32-bit ones, which
    ///     is what PyTorch trains with.
    /// - Throws: before anything is told, `.invalidArgument` for another name's end; where it can't be written, `.fileNotReadable` at the recipient
    ///   and `.partyFailed` at the others. Otherwise as ``reveal(_:to:)``.
    /// - Complexity: as ``reveal(_:to:)``: a round, and 8 bytes an element from each party to the recipient.
    public func saveWeights(
        of model: some Module,
        to recipient: PartyID,
        file url: URL,
        isDouble: Bool = false
    ) async throws {
        try WeightsFile.check(url)
        let state = model.stateTree
        let values = state.isEmpty ? [] : try await reveal(state.map(\.tensor), to: .party(recipient.index)) ?? []
        let names = state.names
        _ = try await broadcast(from: recipient, refusing: .unreadableFile) {
            let tensors = zip(names, values).map { (name: $0, tensor: isDouble ? $1 : $1.single) }
            try WeightsFile.write(tensors, to: url)
            return []
        }
    }
}

extension [StateForm] {
    /// The tensors of a file, of the forms' shapes and kinds.
    fileprivate func tensors(of url: URL, isPartial: Bool) throws -> [String: Tensor] {
        let file = try WeightsFile.tensors(of: url)
        let known = Dictionary(map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in file {
            guard let form = known[name] else {
                throw CrypTenError(.invalidArgument, "\(url.relativePath) has '\(name)', and the model hasn't")
            }
            guard form.shape == tensor.shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(url.relativePath): '\(name)' has shape \(tensor.shape), and the model's \(form.shape)"
                )
            }
            if form.kind == .real {
                tensors[name] = tensor.kind == .real ? tensor : Tensor(tensor.doubles, shape: tensor.shape)
            } else {
                guard let whole = tensor.integers else {
                    throw CrypTenError(
                        .invalidArgument,
                        "\(url.relativePath): the model's '\(name)' has whole numbers, and the file's are others"
                    )
                }
                tensors[name] = Tensor(whole, shape: tensor.shape)
            }
        }
        if !isPartial, let missing = first(where: { tensors[$0.name] == nil }) {
            throw CrypTenError(
                .invalidArgument,
                "\(url.relativePath) hasn't the model's '\(missing.name)'; give a file that has, or load it as partial"
            )
        }
        return tensors
    }
}

extension Tensor {
    /// Reals as 32-bit floats.
    fileprivate var single: Tensor {
        guard case .double(let values) = elements else { return self }
        return Tensor(.float(values.map { Float($0) }), shape: shape)
    }
}
