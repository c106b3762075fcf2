#include "store/search/needle.h"

#include <algorithm>

#include "store/search/letter_scan.h"
#include "store/search/words.h"

namespace pennypost::store {
namespace {

using Match = NeedlePiece::Match;

// A run of letters, or of ideographs.
struct Run {
  std::string letters;
  std::vector<std::string> ideographs;
  bool is_begun_before = false;  // it touches the beginning
  bool may_go_on = false;        // and the end
};

class RunCollector final : public LetterVisitor {
 public:
  std::vector<Run> collect(std::string_view folded) {
    LetterScan scan(*this);
    scan.feed(folded);
    if (is_open_) runs_.back().may_go_on = true;
    scan.end();
    return std::move(runs_);
  }

  void letters(std::string_view octets) override {
    if (!is_open_ || runs_.back().letters.empty()) begin();
    runs_.back().letters += octets;
  }
  void ideograph(std::string_view character) override {
    if (!is_open_ || runs_.back().ideographs.empty()) begin();
    runs_.back().ideographs.emplace_back(character);
  }
  void other() override {
    is_open_ = false;
    is_at_beginning_ = false;
  }

 private:
  void begin() {
    runs_.emplace_back();
    runs_.back().is_begun_before = is_at_beginning_;
    is_at_beginning_ = false;
    is_open_ = true;
  }

  std::vector<Run> runs_;
  bool is_open_ = false;
  bool is_at_beginning_ = true;
};

NeedlePiece piece_of_letters(const Run& run) {
  std::string_view text = run.letters;
  if (!run.is_begun_before) {
    // What is longer than a term begins with a term of the full length.
    bool is_whole = !run.may_go_on || text.size() >= term_octets_max;
    return {is_whole ? Match::Is : Match::Begins, std::string(text.substr(0, term_octets_max))};
  }
  auto part = text.substr(text.size() - std::min(text.size(), term_stride));
  return {run.may_go_on ? Match::Contains : Match::Ends, std::string(part)};
}

void add_ideographs(const Run& run, std::vector<NeedlePiece>& pieces) {
  const auto& all = run.ideographs;
  if (all.size() == 1) {
    bool is_alone = !run.is_begun_before && !run.may_go_on;
    pieces.push_back({is_alone ? Match::Is : Match::Contains, all.front()});
    return;
  }
  for (std::size_t i = 1; i < all.size(); ++i) pieces.push_back({Match::Is, all[i - 1] + all[i]});
}

}  // namespace

bool is_asked_for(const NeedlePiece& piece, std::string_view term) {
  switch (piece.match) {
    case Match::Is:
      return term == piece.text;
    case Match::Begins:
      return term.starts_with(piece.text);
    case Match::Ends:
      return term.ends_with(piece.text);
    case Match::Contains:
      return term.find(piece.text) != std::string_view::npos;
  }
  return true;
}

std::vector<NeedlePiece> needle_pieces(std::string_view folded) {
  std::vector<NeedlePiece> pieces;
  for (const auto& run : RunCollector().collect(folded)) {
    if (run.ideographs.empty()) {
      pieces.push_back(piece_of_letters(run));
    } else {
      add_ideographs(run, pieces);
    }
  }
  std::ranges::stable_sort(pieces, {}, &NeedlePiece::match);
  pieces.resize(std::min(pieces.size(), needle_pieces_max));
  return pieces;
}

std::vector<std::string> needle_words(std::string_view folded) {
  std::vector<std::string> words;
  for (const auto& run : RunCollector().collect(folded)) {
    if (run.ideographs.empty()) {
      words.push_back(run.letters.substr(0, term_octets_max));
      continue;
    }
    const auto& all = run.ideographs;
    if (all.size() == 1) words.push_back(all.front());
    for (std::size_t i = 1; i < all.size(); ++i) words.push_back(all[i - 1] + all[i]);
  }
  words.resize(std::min(words.size(), needle_pieces_max));
  return words;
}

}  // namespace pennypost::store
