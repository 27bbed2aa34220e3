internal import CrypTenExpressions

/// Where a tensor of a state stands in a checkpoint: `parameter/fc.weight`, `buffer/bn1.running_mean`, `optimizer/fc.weight/momentum`.
extension TrainingState {
    private static let rooms: [(name: String, path: any WritableKeyPath<TrainingState, ParameterTree> & Sendable)] = [
        ("parameter/", \.parameters), ("buffer/", \.buffers), ("optimizer/", \.optimizerState),
    ]

    /// All tensors, under the names that a checkpoint has for them.
    var tensors: [(name: String, tensor: CrypTensor)] {
        TrainingState.rooms.flatMap { room in self[keyPath: room.path].map { (room.name + $0.name, $0.tensor) } }
    }

    /// The state of a checkpoint.
    init(
        _ header: CheckpointHeader,
        _ tensors: some Sequence<(String, CrypTensor)>,
        publicNames: [String]
    ) {
        self.init(
            parameters: ParameterTree(),
            stepCount: header.stepCount,
            epoch: header.epoch,
            orderSeed: header.orderSeed,
            summary: header.summary,
            notes: header.notes
        )
        self.publicNames = Set(publicNames.compactMap { TrainingState.networkName($0) })
        for (name, tensor) in tensors {
            guard let room = TrainingState.rooms.first(where: { name.hasPrefix($0.name) }) else { continue }
            self[keyPath: room.path][String(name.dropFirst(room.name.count))] = tensor
        }
    }

    /// The name in the network of what a checkpoint has; nil for what an optimiser remembers.
    static func networkName(_ name: String) -> String? {
        rooms.prefix(2).first { name.hasPrefix($0.name) }.map { String(name.dropFirst($0.name.count)) }
    }
}
