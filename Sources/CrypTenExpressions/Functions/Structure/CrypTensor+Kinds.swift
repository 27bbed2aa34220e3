internal import CrypTenBase
internal import CrypTenRing

/// Public numbers that operators take beside tensors: `2 * x`, `x - mean`.
public protocol PublicOperand {
    /// The numbers as a plain tensor: whole numbers as integers, others as reals.
    var publicTensor: Tensor { get }
}

extension Double: PublicOperand {
    /// The numbers as a plain tensor.
    public var publicTensor: Tensor {
        Tensor(self)
    }
}

extension Float: PublicOperand {
    /// The numbers as a plain tensor.
    public var publicTensor: Tensor {
        Tensor(Double(self))
    }
}

extension Int: PublicOperand {
    /// The numbers as a plain tensor.
    public var publicTensor: Tensor {
        Tensor([Int64(self)], shape: [])
    }
}

extension Tensor: PublicOperand {
    /// The numbers as a plain tensor.
    public var publicTensor: Tensor {
        self
    }
}

extension CrypTensor {
    /// Public numbers as a tensor; an operator doesn't know where it is called, so they share the other operand's
    /// origin.
    init(_ numbers: some PublicOperand, beside other: CrypTensor) {
        self.init(constant: numbers.publicTensor, at: other.node.origin)
    }

    /// The same numbers as reals: local, no round; a bit becomes an integer first.
    public func toReal(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { real(at: $0) }
    }

    /// Bits as integers 0 and 1: one round.
    ///
    /// Integers stay as they are; reals are an error, for nothing rounds them.
    public func toInteger(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind != .real else {
                throw CrypTenError(
                    .invalidArgument,
                    "toInteger can't take real \(shape): reals aren't rounded; compare or scale them"
                )
            }
            return number(at: origin)
        }
    }

    /// Integers and reals as they are, bits as integers.
    package func number(at origin: SourceOrigin? = nil) -> CrypTensor {
        guard kind == .bit else { return self }
        if let constant = constantValue, let whole = constant.integers {
            return CrypTensor(Node(.constant(Tensor(whole, shape: constant.shape)), [], origin: origin ?? node.origin))
        }
        return applying(.bitToInteger, at: origin)
    }

    /// Reals as they are, everything else as reals.
    func real(at origin: SourceOrigin? = nil) -> CrypTensor {
        guard kind != .real else { return self }
        if let constant = constantValue {
            return CrypTensor(
                Node(.constant(Tensor(constant.doubles, shape: constant.shape)), [], origin: origin ?? node.origin)
            )
        }
        return number(at: origin).applying(.toReal, at: origin)
    }

    /// Two tensors of numbers as tensors of one kind.
    static func unified(
        _ left: CrypTensor,
        _ right: CrypTensor,
        at origin: SourceOrigin? = nil
    ) -> (
        CrypTensor, CrypTensor
    ) {
        left.kind == .real || right.kind == .real
            ? (left.real(at: origin), right.real(at: origin)) : (left.number(at: origin), right.number(at: origin))
    }

    /// Two tensors in the shape that they have together; where there is none, as they are, and the operation's rule
    /// complains.
    static func aligned(
        _ left: CrypTensor,
        _ right: CrypTensor,
        at origin: SourceOrigin? = nil
    ) -> (
        CrypTensor, CrypTensor
    ) {
        guard let shape = Shape.broadcast(left.shape, right.shape) else { return (left, right) }
        return (left.broadcasted(to: shape, at: origin), right.broadcasted(to: shape, at: origin))
    }

    func broadcasted(to shape: Shape, at origin: SourceOrigin? = nil) -> CrypTensor {
        self.shape == shape ? self : applying(.broadcast(shape), at: origin)
    }
}
