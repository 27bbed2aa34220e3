internal import CrypTenBase
internal import CrypTenRing

/// Smooth activations that gate x by a bounded function of it.
extension CrypTensor {
    /// `x · sigmoid(alpha · x)`; with alpha 1 that is `silu`.
    ///
    /// 6 rounds, 4 with alpha 1; the error is |x| times that of `sigmoid`, and with alpha 1 that of `silu`.
    public func swish(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard alpha.isFinite else {
                throw CrypTenError(.invalidArgument, "swish of shape \(shape) can't use alpha \(alpha): it is finite")
            }
            if alpha == 1 { return silu(file: file, line: line) }
            let gate = scaled(by: alpha, at: origin).applying(.piecewise(.sigmoid), at: origin)
            return real(at: origin).applying(.bilinear(.multiply), gate, at: origin)
        }
    }

    /// `x · tanh(log(1 + eˣ))`; Misra 2019.
    ///
    /// 11 rounds; the error is |x| times 10⁻⁴.
    public func mish(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let gate = x.applying(.piecewise(.softplus), at: origin).applying(.piecewise(.tanh), at: origin)
            return x.applying(.bilinear(.multiply), gate, at: origin)
        }
    }

    /// The approximation `x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2` of `gelu`; Hendrycks and Gimpel 2016.
    ///
    /// For all that the encoding holds: beyond ±8 the hyperbolic tangent is ±1 in the encoding, so its operand is held there.
    /// 14 rounds; the error is |x| times 10⁻⁴.
    public func geluTanh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let held = x.clamp(min: -8, max: 8, file: file, line: line)
            // 1 + tanh(z) is 2 · sigmoid(2z).
            let root = (2 / Double.pi).squareRoot()
            let operand = held.applying(.polynomial([0, 2 * root, 0, 2 * root * 0.044715]), at: origin)
            return x.applying(.bilinear(.multiply), operand.applying(.piecewise(.sigmoid), at: origin), at: origin)
        }
    }

    /// `x / (1 + |x|)`.
    ///
    /// For all that the encoding holds; beyond 2¹⁶, where the result is ±1 within 2·10⁻⁵, x counts as ±2¹⁶. 16 rounds;
    /// the error is that of a quotient.
    public func softsign(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = clamp(min: -65536, max: 65536, file: file, line: line)
            let divisor = x.abs(file: file, line: line).adding(
                CrypTensor(constant: Tensor(1.0), at: origin),
                at: origin
            )
            return x.divided(by: divisor, range: 1...131_072, isSigned: false, file: file, line: line)
        }
    }
}

/// `x · tanh(log(1 + eˣ))`.
///
/// 11 rounds.
public func mish(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.mish(file: file, line: line)
}

/// `x · sigmoid(alpha · x)`.
///
/// 6 rounds.
public func swish(
    _ x: CrypTensor,
    _ alpha: Double = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.swish(alpha, file: file, line: line)
}

/// The form of `gelu` with a hyperbolic tangent.
///
/// 14 rounds.
public func geluTanh(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.geluTanh(file: file, line: line)
}

/// `x / (1 + |x|)`.
///
/// 16 rounds.
public func softsign(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.softsign(file: file, line: line)
}
