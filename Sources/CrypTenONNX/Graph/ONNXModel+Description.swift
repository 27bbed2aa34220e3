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
        /// Whether the value, where it is public, must be known before planning: then addresses that it decides are a part of the plan.
        /// Where it is secret, they stay so.
        public var isKnownWherePublic = false
        /// Of an input of texts: all that the model tells apart.
        ///
        /// Texts aren't computed with: whoever has them gives their places in this list, of type int64, and −1 for others, see
        /// ``ONNXModel/Input/places(of:)``.
        public var texts: [String]?
        /// Whether numbers may be missing, NaN in a file, as an `Imputer` replaces them: where they do is secret.
        ///
        /// Then a tensor has one more axis, the last, of two: the number, or 0, and whether it is missing, 0 or 1.
        public var mayLackNumbers = false
        /// Whether trees alone read the numbers, and compare them with floats: then a secret tensor of integers, the places that
        /// ``encoded(_:texts:name:)`` gives, makes every comparison the file's own. Reals, which the encoding rounds, are taken as well.
        public internal(set) var isOrdered = false
        /// Whether numbers of such an input may be missing, NaN in a file: each node of the trees says where that leads.
        public internal(set) var mayMissPlaces = false

        /// The places of texts; −1 for those that the model doesn't know.
        public func places(of texts: [String]) -> [Int64] {
            var places: [String: Int64] = [:]
            for (place, text) in (self.texts ?? []).enumerated() { places[text] = Int64(place) }
            return texts.map { places[$0] ?? -1 }
        }
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
        /// Of an output of texts, labels of classes for instance: all that there are.
        ///
        /// Texts aren't computed with: the expression's numbers are places in this list, of type int64.
        public var texts: [String]?
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
        /// What decides that.
        public var rule: Rule
        /// The node for whose shape, bound or scale it is public; nil by other rules.
        public var reader: String?

        /// The rule in words, for people.
        public var reason: String {
            reader.map { "\(rule.explanation), by node \($0)" } ?? rule.explanation
        }
    }

    /// Why a constant is secret or public.
    public enum Rule: String, Hashable, Sendable, Codable, CaseIterable {
        /// A float: secret.
        case weight
        /// Integers that become floats: secret.
        case quantizedWeight = "quantized_weight"
        /// Its owner has named it among the secret ones.
        case secret
        /// Its owner has named it among the open ones: public.
        case open
        /// A float that nothing reads but a shape: public.
        case shape
        /// A float that nothing reads but a bound: public.
        case bound
        /// A float that nothing reads but a scale: public.
        case scale
        /// One whole number, or a half, that is an exponent: public.
        case exponent
        /// One number in a `Constant` node: public.
        case number
        /// Other integers and booleans: public.
        case integer
        /// No elements: public.
        case empty
        /// The model is a skeleton, and whoever wrote it has decided.
        case owner

        /// What follows from the rule, where it decides anything itself.
        var visibility: Visibility {
            switch self {
            case .weight, .quantizedWeight, .secret: .secret
            case .open, .shape, .bound, .scale, .exponent, .number, .integer, .empty, .owner: .public
            }
        }

        /// Whether a node is the reason.
        var namesReader: Bool {
            self == .shape || self == .bound || self == .scale
        }

        /// In words, for people.
        public var explanation: String {
            switch self {
            case .weight: "a float"
            case .quantizedWeight: "integers that become floats"
            case .secret: "named with --secret"
            case .open: "named with --open"
            case .shape: "read only as a shape"
            case .bound: "read only as a bound"
            case .scale: "read only as a scale"
            case .exponent: "one whole number or half, an exponent"
            case .number: "one number in a Constant node"
            case .integer: "integers or booleans"
            case .empty: "no elements"
            case .owner: "as the model's owner decided"
            }
        }
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
        /// Whether it is a part of a factor of data, of moderate size whatever that is: it needs no exponent.
        var isSeparated = false
    }
}
