internal import Foundation

/// A graph as a file has it, with the graphs inside of its nodes: nothing of it is checked but that it can be read.
///
/// What happens to it, in this order: functions of the model are put in the place of their calls (``FunctionInliner``), nodes into
/// the order in which they run, and constants of nested graphs into the outermost one.
struct FileGraph {
    var name = ""
    var inputs: [Onnx_ValueInfoProto] = []
    var outputs: [Onnx_ValueInfoProto] = []
    var initializers: [FileConstant] = []
    var nodes: [FileNode] = []
}

/// A node of such a graph.
struct FileNode {
    /// The file's name for it, or its first output's; on one line.
    var name: String
    var domain: String
    var operation: String
    /// Which of several functions of one name it calls.
    var overload = ""
    var inputs: [String]
    var outputs: [String]
    /// Those that hold no graph.
    var attributes: [Onnx_AttributeProto] = []
    /// Those that hold one, in the order of their names.
    var graphs: [NamedGraph] = []
    /// In a function: the versions of operators that the function uses.
    var opsets: [OperatorDomain: Int]?

    /// An attribute that is a graph.
    struct NamedGraph {
        var name: String
        var graph: FileGraph
    }

    /// Whether it holds a number or numbers, and computes nothing.
    var isConstant: Bool {
        operation == "Constant" && OperatorDomain(domain) == .standard
    }

    /// Name and operator, for messages.
    var title: String {
        "\(name) (\(onOneLine(operation)))"
    }
}

/// A tensor of such a graph; of a sparse one, what isn't zero.
struct FileConstant {
    var name: String
    var tensor: Onnx_TensorProto
    var sparse: Onnx_SparseTensorProto?
}

extension FileGraph {
    /// The nodes of this graph and of all inside of it.
    var nodeCount: Int {
        nodes.reduce(0) { $0 + 1 + $1.graphs.reduce(0) { $0 + $1.graph.nodeCount } }
    }

    /// All names that are defined or read in it and inside of it.
    var allNames: Set<String> {
        var names = Set(inputs.map(\.name) + outputs.map(\.name) + initializers.map(\.name))
        for node in nodes {
            names.formUnion(node.inputs)
            names.formUnion(node.outputs)
            for inner in node.graphs { names.formUnion(inner.graph.allNames) }
        }
        return names
    }

    /// What it reads and doesn't define, in the order of their first use.
    var freeNames: [String] {
        var seen = Set(inputs.map(\.name) + initializers.map(\.name))
        for node in nodes { seen.formUnion(node.outputs) }
        var free: [String] = []
        for name in nodes.flatMap(\.reads) + outputs.map(\.name) where !name.isEmpty && seen.insert(name).inserted {
            free.append(name)
        }
        return free
    }
}

extension FileNode {
    /// What it reads: its inputs, and what its graphs read of the graph that it stands in.
    var reads: [String] {
        inputs + graphs.flatMap(\.graph.freeNames)
    }
}
