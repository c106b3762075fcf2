#include "smtpd/queue/header_draft.h"

#include <algorithm>

namespace pennypost::smtp {

HeaderDraft::HeaderDraft(std::string top, std::string_view received, const HeaderEnd& end)
    : top_(std::move(top)), received_(received), end_(end) {
  if (end.begins_with_from_) edit({{0, 0, std::string(from_line_field)}});
}

void HeaderDraft::edit(const std::vector<Edit>& edits) {
  if (edits.empty()) return;
  edits_ = composed(edits_, edits);
  edited_ = edited(received_, edits_);
}

void HeaderDraft::edit_whole(const std::vector<Edit>& edits) {
  std::vector<Edit> of_top;
  std::vector<Edit> of_text;
  for (const auto& edit : edits) {
    if (edit.offset >= top_.size()) {
      of_text.push_back({edit.offset - top_.size(), edit.erase, edit.insert});
      continue;
    }
    auto erased = std::min(edit.erase, top_.size() - edit.offset);
    of_top.push_back({edit.offset, erased, edit.insert});
    if (edit.erase > erased) of_text.push_back({0, edit.erase - erased, {}});
  }
  top_ = edited(top_, of_top);
  edit(of_text);
}

void HeaderDraft::edit_body(const std::vector<Edit>& edits, std::uint64_t line_ends) {
  body_edits_.insert(body_edits_.end(), edits.begin(), edits.end());
  body_line_ends_ += line_ends;
}

void HeaderDraft::forget_body() {
  end_.needs_empty_line = false;
  body_edits_.clear();
  body_line_ends_ = 0;
}

std::uint64_t HeaderDraft::line_ends_left(std::uint64_t line_ends) const {
  return smtp::line_ends_left(received_, edits_, line_ends) - body_line_ends_;
}

std::vector<Piece> HeaderDraft::pieces(std::uint64_t bytes) const {
  return incoming_pieces(top_, end_, edits_, body_edits_, bytes);
}

}  // namespace pennypost::smtp
