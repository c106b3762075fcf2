// Gathers the words of a message for the index of words.
//
// They are those of the very text that SEARCH looks into, so that what the index does not have
// SEARCH would not find; so the words of From and its like are those of the addresses that the keys
// of these names look into. Names of attachments are found by their header fields, and, where those
// are encoded as RFC 2231 has it, decoded as well for a search by words.
//
// STANDARDS  RFC 2183 section 2.3 (filename), RFC 2231
// The text of attachments comes from a program, where there is one (attachment_text.h). SEARCH
// itself does not look into them: only a search by words finds it.
//
// SEE ALSO   text_walk.h (the text), store/search/words.h (what a word is), folder_indexer.h
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/mail/key_search.h"
#include "store/indexing/attachment_text.h"
#include "store/indexing/text_walk.h"
#include "store/search/words.h"

namespace pennypost::store {

class MessageWords final : private TextSink {
 public:
  /// `table`, which is cleared, outlives it. Of more text than `octets_max` the rest is left out.
  MessageWords(TermTable& table, std::string message, std::uint64_t octets_max,
               AttachmentDecoder decoder = {});

  /// Goes through about so many octets more; the cost of that in octets.
  std::int64_t advance(std::int64_t octets);
  bool is_done() const {
    return is_cut_ ||
           (walk_.is_done() && (decoder_.program.empty() || at_ == walk_.attachments().size()));
  }
  /// The message has more text than was gone through.
  bool is_cut() const { return is_cut_; }

 private:
  void field(const HeaderField& field, std::string_view line) override;
  void body(std::string_view utf8) override;
  void end_body() override;
  void add_text(WordPlace place, std::string_view utf8);
  void add_to(WordPlace place, std::string_view folded);
  std::int64_t add_attachment(const TextWalk::Attachment& attachment);

  TermTable& table_;
  TextWalk walk_;
  CaseFolder folder_;
  WordCutter body_;
  AttachmentDecoder decoder_;
  std::size_t at_ = 0;  // the next attachment
  std::uint64_t octets_left_;
  bool is_cut_ = false;
};

}  // namespace pennypost::store
