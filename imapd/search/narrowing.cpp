#include "imapd/search/narrowing.h"

#include <algorithm>

#include "store/indexing/folder_indexer.h"

namespace pennypost::imap {
namespace {

// While the index is written it may have to be opened again to be read.
constexpr int tries_max = 3;

}  // namespace

Result<Narrowing> Narrowing::make(const std::string& directory, const store::Mailbox& mailbox,
                                  std::span<const WordNeedle> needles) {
  auto folder = store::word_folder(mailbox);
  for (int tries = 1;; ++tries) {
    auto asked = ask(directory, folder, needles);
    if (asked) return asked->value_or(Narrowing());
    // What looks damaged may have been put in its place just now, written anew.
    bool is_damaged = asked.error().response_code() == ResponseCode::Corruption;
    bool is_in_use = asked.error().response_code() == ResponseCode::InUse;
    if ((is_damaged || is_in_use) && tries < tries_max) continue;
    if (is_damaged) store::discard_words(directory);
    return std::move(asked).error();
  }
}

Result<std::optional<Narrowing>> Narrowing::ask(const std::string& directory,
                                                const store::WordFolder& folder,
                                                std::span<const WordNeedle> needles) {
  TRY(auto reader, store::WordReader::open(directory));
  if (!reader) return std::optional<Narrowing>();
  TRY_DO(reader->choose(folder));
  Narrowing narrowing;
  for (const auto& entry : reader->entries()) narrowing.uids_.push_back(entry.uid);
  if (narrowing.uids_.empty()) return std::optional(std::move(narrowing));
  for (const auto& needle : needles.first(std::min(needles.size(), narrowed_keys_max))) {
    Answer answer;
    if (needle.is_fuzzy) {
      TRY(answer.scores, reader->relevancy(needle.folded, needle.places));
    } else {
      TRY(answer.may, reader->may_hold(needle.folded, needle.places));
    }
    narrowing.answers_.push_back(std::move(answer));
  }
  return std::optional(std::move(narrowing));
}

std::optional<std::size_t> Narrowing::place_of(store::Uid uid) const {
  auto at = std::ranges::lower_bound(uids_, uid);
  if (at == uids_.end() || *at != uid) return std::nullopt;
  return static_cast<std::size_t>(at - uids_.begin());
}

bool Narrowing::may_hold(std::size_t needle, std::size_t place) const {
  if (needle >= answers_.size() || answers_[needle].may.empty()) return true;
  return answers_[needle].may[place];
}

std::optional<std::uint8_t> Narrowing::score(std::size_t needle, std::size_t place) const {
  if (needle >= answers_.size() || answers_[needle].scores.empty()) return std::nullopt;
  return answers_[needle].scores[place];
}

}  // namespace pennypost::imap
