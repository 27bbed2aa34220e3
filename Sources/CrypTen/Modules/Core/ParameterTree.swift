public import CrypTenExpressions

/// Named tensors in a fixed order; dots in the names make it a tree: `"layer1.0.conv1.weight"`.
///
/// ```swift
/// for (name, tensor) in model.parameters { print(name, tensor.shape) }
/// let bias = model.parameters["fc.bias"]
/// let block = model.parameters.subtree("layer1.0")  // its names are "conv1.weight" and so on
/// ```
public struct ParameterTree: Sendable {
    /// One name and its tensor.
    public typealias Element = (name: String, tensor: CrypTensor)

    private var entries: [Element] = []
    private var positions: [String: Int] = [:]

    /// A tree without parameters.
    public init() {}

    /// A tree of names and tensors, in their order; of two entries with one name the later one counts.
    public init(_ entries: some Sequence<Element>) {
        for (name, tensor) in entries { self[name] = tensor }
    }

    /// The tensor of a full name; a new name goes to the end, and nil removes one.
    public subscript(name: String) -> CrypTensor? {
        get { positions[name].map { entries[$0].tensor } }
        set {
            switch (positions[name], newValue) {
            case (let position?, let tensor?):
                entries[position].tensor = tensor
            case (nil, let tensor?):
                positions[name] = entries.count
                entries.append((name, tensor))
            case (let position?, nil):
                entries.remove(at: position)
                positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
            case (nil, nil):
                break
            }
        }
    }

    /// The full names, in order.
    public var names: [String] {
        entries.map(\.name)
    }

    /// The number of elements of all tensors together.
    public var elementCount: Int {
        entries.reduce(0) { $0 + $1.tensor.count }
    }

    /// The part of the tree below a name, whose names go on after the dot.
    public func subtree(_ prefix: String) -> ParameterTree {
        ParameterTree(
            entries.lazy.filter { $0.name.hasPrefix(prefix + ".") }
                .map { (String($0.name.dropFirst(prefix.count + 1)), $0.tensor) }
        )
    }

    /// Puts a tree below a name; what is there under the same names is replaced.
    public mutating func merge(_ tree: ParameterTree, below prefix: String) {
        for (name, tensor) in tree { self["\(prefix).\(name)"] = tensor }
    }

    /// The same names with other tensors.
    public func mapTensors<Failure: Error>(
        _ transform: (Element) throws(Failure) -> CrypTensor
    ) throws(Failure) -> ParameterTree {
        var out = self
        for position in out.entries.indices { out.entries[position].tensor = try transform(entries[position]) }
        return out
    }
}

extension ParameterTree: RandomAccessCollection {
    /// The position of the first entry.
    public var startIndex: Int { entries.startIndex }
    /// The position after the last entry.
    public var endIndex: Int { entries.endIndex }

    /// The entry at a position.
    public subscript(position: Int) -> Element {
        entries[position]
    }
}
