// Reads an account's index of words: the posting lists of what a needle asks for, and Xapian's
// ranking for FUZZY.
#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <utility>

#include "store/search/alike.h"
#include "store/search/needle.h"
#include "store/search/rare_words.h"
#include "store/search/version.h"
#include "store/search/word_index.h"
#include "store/search/xapian_errors.h"

namespace pennypost::store {
namespace {

namespace fs = std::filesystem;

// Of an exact word, of one that goes on, and of one that is spelt nearly so.
constexpr double begins_weight = 0.6;
constexpr double alike_weight = 0.4;
// What a piece of a needle may stand for: so many times the messages.
constexpr std::size_t postings_per_message_max = 8;
// Once a piece has left so few messages, the slower pieces of a needle are not worth their time.
constexpr std::size_t few_messages = 20;

// Not every file system exchanges directories; then there is none for a moment.
Result<void> change_places(const std::string& fresh, const std::string& directory) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, directory.c_str(), RENAME_EXCHANGE) == 0) {
    return {};
  }
  auto former = directory + ".old";
  discard_words(former);
  std::error_code problem;
  fs::rename(directory, former, problem);
  if (!problem) fs::rename(fresh, directory, problem);
  discard_words(former);
  if (problem) return Error::temporary(directory + ": " + problem.message());
  return {};
}

// Header stands for the fields whose words are terms of their own places as well.
std::vector<WordPlace> all_of(std::span<const WordPlace> places) {
  std::vector<WordPlace> all(places.begin(), places.end());
  if (std::ranges::find(all, WordPlace::Header) == all.end()) return all;
  for (auto place : header_field_places) {
    if (std::ranges::find(all, place) == all.end()) all.push_back(place);
  }
  return all;
}

}  // namespace

struct WordReader::State {
  explicit State(Xapian::Database its_database) : database(std::move(its_database)) {}

  std::optional<std::size_t> place_of(Xapian::docid document) const;
  bool add_postings(const std::string& term, std::vector<bool>& found, std::size_t& budget) const;
  std::optional<std::vector<bool>> holders(const NeedlePiece& piece,
                                           std::span<const WordPlace> places) const;
  bool add_matching(const NeedlePiece& piece, char place, std::vector<bool>& found,
                    std::size_t& budget) const;
  void read_rare_words(std::span<const WordPlace> places);
  // Calls `found` with the place of each message that may have such a word.
  template <class Function>
  void each_rare(const NeedlePiece& piece, WordPlace place, Function found) const;
  std::vector<double> weights_of(const std::string& word, std::span<const WordPlace> places) const;
  Xapian::Query query_for(const std::string& word, std::span<const WordPlace> places) const;

  Xapian::Database database;
  WordFolder folder;
  std::vector<WordEntry> entries;
  std::map<WordPlace, std::vector<RareEntry>> rare;  // ascending by UID, once they are needed
  // Of entries: by document, less the first one's; 0: none, else the place plus 1.
  Xapian::docid first_document = 0;
  std::vector<std::uint32_t> places_of_documents;
};

bool has_words(const std::string& directory) {
  std::error_code problem;
  return fs::exists(fs::path(directory) / "iamglass", problem);
}

Result<std::unique_ptr<WordReader>> WordReader::open(const std::string& directory) {
  if (!has_words(directory)) return std::unique_ptr<WordReader>();
  return guarded([&]() -> Result<std::unique_ptr<WordReader>> {
    auto state = std::make_unique<State>(Xapian::Database(directory));
    if (state->database.get_metadata(word_version_key) != word_version) {
      return std::unique_ptr<WordReader>();
    }
    return std::unique_ptr<WordReader>(new WordReader(std::move(state)));
  });
}

WordReader::WordReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
WordReader::~WordReader() = default;

const std::vector<WordEntry>& WordReader::entries() const { return state_->entries; }

Result<void> WordReader::choose(const WordFolder& folder) {
  auto& state = *state_;
  return guarded([&]() -> Result<void> {
    state.folder = folder;
    state.entries.clear();
    state.rare.clear();
    auto prefix = blocks_key(folder);
    auto& database = state.database;
    for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
         ++at) {
      auto block = decode_entries(database.get_metadata(*at));
      if (!block) throw Xapian::DatabaseCorruptError("the list of messages is damaged");
      state.entries.insert(state.entries.end(), block->begin(), block->end());
    }
    std::ranges::sort(state.entries, {}, &WordEntry::uid);
    state.places_of_documents.clear();
    if (state.entries.empty()) return {};
    auto [least, most] = std::ranges::minmax(state.entries, {}, &WordEntry::document);
    if (most.document > database.get_lastdocid()) {
      throw Xapian::DatabaseCorruptError("the list of messages names what is not there");
    }
    state.first_document = least.document;
    state.places_of_documents.assign(most.document - least.document + 1, 0);
    for (std::uint32_t i = 0; i < state.entries.size(); ++i) {
      state.places_of_documents[state.entries[i].document - least.document] = i + 1;
    }
    return {};
  });
}

std::optional<std::size_t> WordReader::State::place_of(Xapian::docid document) const {
  if (document < first_document) return std::nullopt;
  auto at = document - first_document;
  if (at >= places_of_documents.size() || places_of_documents[at] == 0) return std::nullopt;
  return places_of_documents[at] - 1;
}

// False once that is more than the budget allows.
bool WordReader::State::add_postings(const std::string& term, std::vector<bool>& found,
                                     std::size_t& budget) const {
  auto at = database.postlist_begin(term);
  auto end = database.postlist_end(term);
  if (at != end) at.skip_to(first_document);
  for (; at != end; ++at) {
    if (*at - first_document >= places_of_documents.size()) break;
    if (budget == 0) return false;
    --budget;
    if (auto place = place_of(*at)) found[*place] = true;
  }
  return true;
}

// Goes through the terms of a place.
bool WordReader::State::add_matching(const NeedlePiece& piece, char place, std::vector<bool>& found,
                                     std::size_t& budget) const {
  std::string prefix(1, place);
  if (piece.match == NeedlePiece::Match::Begins) prefix += piece.text;
  std::vector<std::string> terms;
  auto end = database.allterms_end(prefix);
  for (auto at = database.allterms_begin(prefix); at != end; ++at) {
    auto term = *at;
    if (!is_asked_for(piece, std::string_view(term).substr(1))) continue;
    if (terms.size() == terms_per_piece_max) return false;
    terms.push_back(std::move(term));
  }
  return std::ranges::all_of(
      terms, [&](const std::string& term) { return add_postings(term, found, budget); });
}

void WordReader::State::read_rare_words(std::span<const WordPlace> places) {
  for (auto place : rare_places) {
    if (std::ranges::find(places, place) == places.end()) continue;
    auto [known, is_new] = rare.try_emplace(place);
    if (!is_new) continue;
    auto prefix = rare_blocks_key(place, folder);
    for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
         ++at) {
      auto block = decode_rare_words(database.get_metadata(*at));
      if (!block) throw Xapian::DatabaseCorruptError("a list of rare words is damaged");
      std::ranges::move(*block, std::back_inserter(known->second));
    }
  }
}

template <class Function>
void WordReader::State::each_rare(const NeedlePiece& piece, WordPlace place, Function found) const {
  auto known = rare.find(place);
  if (known == rare.end()) return;
  RarePattern pattern(piece);
  auto entry = entries.begin();
  for (const auto& one : known->second) {
    entry = std::ranges::lower_bound(entry, entries.end(), one.uid, {}, &WordEntry::uid);
    if (entry == entries.end()) return;
    if (entry->uid != one.uid || !pattern.may_be_in(one.words)) continue;
    found(static_cast<std::size_t>(entry - entries.begin()));
  }
}

// Nothing: that may be all.
std::optional<std::vector<bool>> WordReader::State::holders(
    const NeedlePiece& piece, std::span<const WordPlace> places) const {
  std::vector<bool> found(entries.size(), false);
  auto budget = postings_per_message_max * (entries.size() + 1);
  for (auto place : places) {
    auto letter = static_cast<char>(place);
    bool is_done = piece.match == NeedlePiece::Match::Is
                       ? add_postings(letter + piece.text, found, budget)
                       : add_matching(piece, letter, found, budget);
    if (!is_done) return std::nullopt;
    each_rare(piece, place, [&](std::size_t message) { found[message] = true; });
  }
  return found;
}

Result<std::vector<bool>> WordReader::may_hold(std::string_view folded,
                                               std::span<const WordPlace> some_places) {
  auto& state = *state_;
  auto places = all_of(some_places);
  return guarded([&]() -> Result<std::vector<bool>> {
    state.read_rare_words(places);
    std::vector<bool> may(state.entries.size(), true);
    bool is_narrowed = false;
    for (const auto& piece : needle_pieces(folded)) {
      bool is_slow = piece.match != NeedlePiece::Match::Is;
      auto left = static_cast<std::size_t>(std::ranges::count(may, true));
      if (left == 0 || (is_narrowed && is_slow && left <= few_messages)) break;
      auto found = state.holders(piece, places);
      if (!found) continue;
      is_narrowed = true;
      for (std::size_t i = 0; i < may.size(); ++i) may[i] = may[i] && (*found)[i];
    }
    for (std::size_t i = 0; i < may.size(); ++i) may[i] = may[i] || state.entries[i].is_cut;
    return may;
  });
}

Xapian::Query WordReader::State::query_for(const std::string& word,
                                           std::span<const WordPlace> places) const {
  using Xapian::Query;
  std::vector<Query> any;
  for (auto place : places) {
    auto term = static_cast<char>(place) + word;
    any.emplace_back(term);
    Query longer(Query::OP_WILDCARD, term, alike_terms_max, Query::WILDCARD_LIMIT_MOST_FREQUENT,
                 Query::OP_OR);
    any.emplace_back(Query::OP_SCALE_WEIGHT, longer, begins_weight);
    for (const auto& other : alike_terms(database, term)) {
      any.emplace_back(Query::OP_SCALE_WEIGHT, Query(other), alike_weight);
    }
  }
  return Query(Query::OP_OR, any.begin(), any.end());
}

// Of each message; 0: it has no such word.
std::vector<double> WordReader::State::weights_of(const std::string& word,
                                                  std::span<const WordPlace> places) const {
  std::vector<double> weights(entries.size(), 0);
  Xapian::Enquire enquire(database);
  enquire.set_query(query_for(word, places));
  auto results = enquire.get_mset(0, database.get_doccount());
  for (auto at = results.begin(); at != results.end(); ++at) {
    if (auto place = place_of(*at)) weights[*place] = at.get_weight();
  }
  // As much as BM25 gives a word that one message has.
  auto rare_weight = std::log(1.0 + database.get_doccount());
  for (auto place : places) {
    each_rare({NeedlePiece::Match::Is, word}, place, [&](std::size_t message) {
      weights[message] = std::max(weights[message], rare_weight);
    });
  }
  return weights;
}

Result<std::vector<std::uint8_t>> WordReader::relevancy(std::string_view folded,
                                                        std::span<const WordPlace> some_places) {
  auto& state = *state_;
  auto places = all_of(some_places);
  return guarded([&]() -> Result<std::vector<std::uint8_t>> {
    state.read_rare_words(places);
    auto words = needle_words(folded);
    // A message must have each of the words.
    std::vector<bool> has_all(state.entries.size(), !words.empty());
    std::vector<double> totals(state.entries.size(), 0);
    for (const auto& word : words) {
      auto weights = state.weights_of(word, places);
      for (std::size_t i = 0; i < totals.size(); ++i) {
        has_all[i] = has_all[i] && weights[i] > 0;
        totals[i] = has_all[i] ? totals[i] + weights[i] : 0;
      }
    }
    std::vector<std::uint8_t> scores(totals.size(), 0);
    auto best = totals.empty() ? 0 : std::ranges::max(totals);
    for (std::size_t i = 0; i < totals.size(); ++i) {
      if (!has_all[i]) continue;
      scores[i] = static_cast<std::uint8_t>(std::clamp(totals[i] * 100 / best, 1.0, 100.0));
    }
    return scores;
  });
}

void discard_words(const std::string& directory) {
  std::error_code problem;
  fs::remove_all(directory, problem);
}

Result<void> optimize_words(const std::string& directory) {
  return guarded([&]() -> Result<void> {
    auto fresh = directory + ".new";
    // Held until the new one is in its place, so that nothing is lost that another would add.
    Xapian::WritableDatabase lock(directory, Xapian::DB_OPEN | Xapian::DB_NO_TERMLIST);
    discard_words(fresh);
    lock.compact(fresh);
    auto done = change_places(fresh, directory);
    lock.close();
    discard_words(fresh);
    return done;
  });
}

}  // namespace pennypost::store
