// Brings header fields and bodies into the form over which DKIM and ARC compute their hashes.
//
// A bare LF counts as a line end like CRLF, since mail that was submitted with it is sent with
// CRLF. Raw octets above 127 stay as they are.
//
// STANDARDS  RFC 6376 section 3.4
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/crypto/digest.h"

namespace pennypost {

enum class Canonical { Simple, Relaxed };

/// A field with all its lines, in canonical form with CRLF at its end.
std::string canonical_field(Canonical form, std::string_view whole);

/// Which body hashes are wanted.
struct BodyForms {
  bool simple = false;
  bool relaxed = false;

  void add(Canonical form) { (form == Canonical::Simple ? simple : relaxed) = true; }
  bool none() const { return !simple && !relaxed; }
};

/// Computes the SHA-256 of a body in both canonical forms in one pass, in memory that does not grow
/// with the body.
class BodyHasher {
 public:
  explicit BodyHasher(BodyForms wanted);

  /// The next piece of the body; how it is cut does not change the hash.
  void feed(std::string_view piece);
  /// Ends the body. hash() is valid from then on.
  void finish();
  /// Of a form that was wanted.
  const std::string& hash(Canonical form) const;

 private:
  /// One form: the empty lines that may turn out to be the last ones are counted, not kept.
  class Stream {
   public:
    explicit Stream(Canonical form) : form_(form) {}
    void feed(std::string_view piece);
    std::string finish();

   private:
    void text(std::string_view run);
    void carriage_return();
    void line_end();
    void settle();
    void put(std::string_view run);

    Canonical form_;
    Sha256 sha_;
    std::string waiting_;          // for the hash, which is faster in large pieces
    std::size_t empty_lines_ = 0;  // line ends whose fate depends on what follows
    bool has_blank_ = false;       // relaxed: a run of blanks that may end the line
    bool has_carriage_return_ = false;
    bool in_line_ = false;  // something of the current line was hashed
    bool is_empty_ = true;
  };
  std::optional<Stream> simple_;
  std::optional<Stream> relaxed_;
  std::string simple_hash_;
  std::string relaxed_hash_;
};

}  // namespace pennypost
