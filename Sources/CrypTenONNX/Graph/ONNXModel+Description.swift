internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing

extension ONNXModel {
    /// One extent of an input or output as the model declares it.
    public enum Dimension: Hashable, Sendable, CustomStringConvertible {
        case fixed(Int)
        /// Decided by the input; the same name has the same extent wherever it stands.
        case named(String)
        case unknown

        /// The extent, the name, or a question mark.
        public var description: String {
            switch self {
            case .fixed(let extent): "\(extent)"
            case .named(let name): name
            case .unknown: "?"
            }
        }
    }

    /// A tensor that the caller supplies.
    public struct Input: Hashable, Sendable {
        /// The graph's name for it.
        public var name: String
        /// In which the model declares it.
        public var type: ONNXElementType
        /// Nil where the model doesn't even say how many axes there are.
        public var dimensions: [Dimension]?
        /// Whether the value decides a shape or an address, so that it must be public and known before planning.
        ///
        /// It then goes into `publicValues`. Other inputs are operands of the run, secret or public.
        public var mustBeKnown: Bool
    }

    /// A tensor that the model computes.
    public struct Output: Hashable, Sendable {
        /// The graph's name for it.
        public var name: String
        /// The type in which the model declares it.
        public var type: ONNXElementType
        /// As the model declares it; nil where it doesn't say.
        ///
        /// The expression's own shape is what counts.
        public var dimensions: [Dimension]?
    }

    /// A tensor that the model holds: an initialiser, or the value of a `Constant` node under its output's name.
    public struct Constant: Hashable, Sendable {
        /// The initialiser's name, or that of the `Constant` node's output.
        public var name: String
        /// In which the model holds it.
        public var type: ONNXElementType
        /// Its extents.
        public var shape: Shape
        /// Whether it goes into the skeleton.
        public var visibility: Visibility
    }

    /// A secret tensor that the imported network multiplies and adds: a weight, or what the owner computes of weights.
    public struct Parameter: Sendable {
        /// The weight's name in the model, or that of the value computed; unique.
        public var name: String
        /// Its extents.
        public var shape: Shape
        /// The type of the constants that it is made of.
        public var type: ONNXElementType
        /// Names of the constants that it is computed of: one for a weight as it stands in the model.
        public var sources: [String]
        /// The numbers, in double where they were computed; nil for parties that have only the skeleton.
        public var value: Tensor?
    }
}
