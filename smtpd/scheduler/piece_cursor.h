// Walks over the pieces of a message, to make a changed copy of them without touching the body.
//
// SEE ALSO   ../queue/envelope.h (Piece)
#pragma once

#include <cstdint>
#include <vector>

#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

class PieceCursor {
 public:
  /// `pieces` must outlive it.
  explicit PieceCursor(const std::vector<Piece>& pieces) : pieces_(pieces) {}

  /// Where it stands in the whole message.
  std::uint64_t offset() const { return offset_; }
  /// Adds the next `count` octets, or as many as are left, to `to`.
  void copy(std::uint64_t count, std::vector<Piece>& to) { advance(count, &to); }
  void copy_rest(std::vector<Piece>& to);
  void skip(std::uint64_t count) { advance(count, nullptr); }
  /// How many line ends of pieces of text skip() has passed over.
  std::uint64_t text_line_ends_skipped() const { return text_line_ends_skipped_; }

 private:
  void advance(std::uint64_t count, std::vector<Piece>* to);

  const std::vector<Piece>& pieces_;
  std::size_t index_ = 0;
  std::uint64_t done_ = 0;  // of the piece at index_
  std::uint64_t offset_ = 0;
  std::uint64_t text_line_ends_skipped_ = 0;
};

}  // namespace pennypost::smtp
