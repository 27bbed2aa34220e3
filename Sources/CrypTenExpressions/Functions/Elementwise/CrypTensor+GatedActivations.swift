internal import CrypTenBase
internal import CrypTenRing

/// Smooth activations that gate x by a bounded function of it.
extension CrypTensor {
    /// `x · sigmoid(alpha · x)`, which is `silu(alpha · x) / alpha`.
    ///
    /// 4 rounds; the error is that of `silu` over |alpha|. With |alpha| < 1/4 6 rounds, and |x| times the error of `sigmoid`; from
    /// |alpha| = 2³² on it is max(x, 0), or min(x, 0) for a negative alpha, which is nearer than any encoding tells.
    public func swish(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard alpha.isFinite else {
                throw CrypTenError(.invalidArgument, "swish of shape \(shape) can't use alpha \(alpha): it is finite")
            }
            let x = real(at: origin)
            guard alpha.magnitude >= 0.25 else {
                let gate = x.scaled(by: alpha, at: origin)
                    .applying(.smooth(.accurate(.sigmoid, .sigmoidAccurate)), at: origin)
                return x.applying(.bilinear(.multiply), gate, at: origin)
            }
            if alpha.magnitude >= 0x1p32 {
                let positive = x.applying(.relu, at: origin)
                return alpha > 0 ? positive : x.applying(.subtract, positive, at: origin)
            }
            let silu = SmoothFunction.accurate(.silu, .siluAccurate).narrowed(by: alpha.magnitude)
            let result = x.applying(.smooth(silu), at: origin)
            return alpha > 0 ? result : x.applying(.subtract, result, at: origin)
        }
    }

    /// `x · tanh(log(1 + eˣ))`; Misra 2019.
    ///
    /// As `gelu`: 4 rounds, within 7·10⁻⁵.
    public func mish(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.mish, .mishAccurate)), at: origin)
        }
    }

    /// The approximation `x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2` of `gelu`; Hendrycks and Gimpel 2016.
    ///
    /// As `gelu`: 4 rounds, within 7·10⁻⁵.
    public func geluTanh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.geluTanh, .geluTanhAccurate)), at: origin)
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
/// 4 rounds.
public func mish(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.mish(file: file, line: line)
}

/// `x · sigmoid(alpha · x)`.
///
/// 4 rounds, 6 with |alpha| < 1/4.
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
/// 4 rounds.
public func geluTanh(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.geluTanh(file: file, line: line)
}

/// `x / (1 + |x|)`.
///
/// 16 rounds.
public func softsign(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.softsign(file: file, line: line)
}
