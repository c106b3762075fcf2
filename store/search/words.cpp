#include "store/search/words.h"

#include <algorithm>
#include <functional>

namespace pennypost::store {
namespace {

// A run is cut once it has so many octets.
constexpr std::size_t run_octets_max = term_octets_max + term_stride;

std::uint32_t hash_of(char place, std::string_view term) {
  auto hash = std::hash<std::string_view>()(term) * 31 + static_cast<unsigned char>(place);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

}  // namespace

std::size_t TermTable::slot_of(char letter, std::string_view term, std::uint32_t hash) const {
  auto mask = slots_.size() - 1;
  for (auto at = hash & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) return at;
    const auto& known = terms_[slots_[at] - 1];
    auto text = text_of(known);
    if (known.hash == hash && text.front() == letter && text.substr(1) == term) return at;
  }
}

bool TermTable::has(WordPlace place, std::string_view term) const {
  auto letter = static_cast<char>(place);
  return slots_[slot_of(letter, term, hash_of(letter, term))] != 0;
}

void TermTable::add(WordPlace place, std::string_view term) {
  auto letter = static_cast<char>(place);
  auto hash = hash_of(letter, term);
  auto& slot = slots_[slot_of(letter, term, hash)];
  if (slot != 0) {
    ++terms_[slot - 1].count;
    return;
  }
  slot = static_cast<std::uint32_t>(terms_.size() + 1);
  terms_.push_back({static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(term.size() + 1), 1, hash});
  text_ += letter;
  text_ += term;
  if (terms_.size() * 2 > slots_.size()) grow();
}

void TermTable::grow() {
  slots_.assign(slots_.size() * 2, 0);
  auto mask = slots_.size() - 1;
  for (std::uint32_t i = 0; i < terms_.size(); ++i) {
    auto at = terms_[i].hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = i + 1;
  }
}

void TermTable::clear() {
  text_.clear();
  terms_.clear();
  std::ranges::fill(slots_, 0);
}

void WordCutter::letters(std::string_view octets) {
  end_ideographs();
  while (!octets.empty()) {
    auto some = octets.substr(0, run_octets_max - run_.size());
    run_ += some;
    octets.remove_prefix(some.size());
    if (run_.size() < run_octets_max) continue;
    table_.add(place_, std::string_view(run_).substr(0, term_octets_max));
    run_.erase(0, term_stride);
  }
}

void WordCutter::ideograph(std::string_view character) {
  end_letters();
  if (!last_.empty()) {
    table_.add(place_, last_ + std::string(character));
    has_pair_ = true;
  }
  last_ = character;
}

void WordCutter::other() {
  end_letters();
  end_ideographs();
}

void WordCutter::end_letters() {
  if (run_.empty()) return;
  std::string_view run = run_;
  if (run.size() > term_octets_max) {
    table_.add(place_, run.substr(0, term_octets_max));
    run.remove_prefix(term_stride);
  }
  table_.add(place_, run);
  run_.clear();
}

void WordCutter::end_ideographs() {
  if (last_.empty()) return;
  if (!has_pair_) table_.add(place_, last_);
  last_.clear();
  has_pair_ = false;
}

}  // namespace pennypost::store
