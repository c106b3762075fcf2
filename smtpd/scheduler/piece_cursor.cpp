#include "smtpd/scheduler/piece_cursor.h"

#include <algorithm>
#include <limits>

namespace pennypost::smtp {

void PieceCursor::copy_rest(std::vector<Piece>& to) {
  copy(std::numeric_limits<std::uint64_t>::max(), to);
}

void PieceCursor::advance(std::uint64_t count, std::vector<Piece>* to) {
  while (count > 0 && index_ < pieces_.size()) {
    const Piece& piece = pieces_[index_];
    bool is_text = piece.length == 0;
    auto left = (is_text ? piece.text.size() : piece.length) - done_;
    auto step = std::min<std::uint64_t>(left, count);
    Piece part;
    if (is_text) {
      part.text = piece.text.substr(done_, step);
    } else {
      part.offset = piece.offset + done_;
      part.length = step;
    }
    if (to == nullptr && is_text) {
      text_line_ends_skipped_ += static_cast<std::uint64_t>(std::ranges::count(part.text, '\n'));
    }
    if (to != nullptr && step > 0) to->push_back(std::move(part));
    offset_ += step;
    done_ += step;
    count -= step;
    if (step == left) {
      ++index_;
      done_ = 0;
    }
  }
}

}  // namespace pennypost::smtp
