// Writes an account's index of words: documents without positions, the rare words, and the list of
// what is in it.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

#include "store/search/rare_words.h"
#include "store/search/version.h"
#include "store/search/word_index.h"
#include "store/search/xapian_errors.h"

namespace pennypost::store {
namespace {

namespace fs = std::filesystem;

// How many documents have an entry.
constexpr const char* live_key = "L";
// So many documents more than there are entries do not matter.
constexpr std::uint32_t dead_documents = 1000;
// Words are compared with those of so many blocks before.
constexpr std::size_t blocks_remembered = 16;

std::uint32_t number_of(const std::string& text) {
  std::uint32_t number = 0;
  for (char c : text) number = number * 10 + static_cast<std::uint32_t>(c - '0');
  return number;
}

Xapian::WritableDatabase open_database(const std::string& directory) {
  return Xapian::WritableDatabase(directory, Xapian::DB_CREATE_OR_OPEN | Xapian::DB_NO_TERMLIST);
}

// Whether the index is of use: made by this version, and not mostly of what is gone.
bool is_usable(const Xapian::WritableDatabase& database) {
  if (database.get_metadata(word_version_key) != word_version) return database.get_doccount() == 0;
  auto live = number_of(database.get_metadata(live_key));
  return database.get_doccount() <= 2 * live + dead_documents;
}

bool is_in_own_field(const TermTable& terms, std::string_view word) {
  return std::ranges::any_of(header_field_places,
                             [&](WordPlace place) { return terms.has(place, word); });
}

}  // namespace

struct WordWriter::State {
  explicit State(Xapian::WritableDatabase its_database) : database(std::move(its_database)) {}

  void forget(std::uint32_t uid) {
    changed.insert(block_of(Uid(uid)));
    entries.erase(uid);
    for (auto place : rare_places) rare_block(place, Uid(uid)).erase(uid);
    --live;
  }
  // Removes the blocks that `is_doomed` by their keys, of all kinds; how many messages they had.
  template <class Predicate>
  std::size_t drop_blocks(std::string_view folder_part, Predicate is_doomed);
  using RareBlock = std::map<std::uint32_t, RareWords>;  // by UID
  // The one that has this message.
  RareBlock& rare_block(WordPlace place, Uid uid);
  bool comes_first(std::string_view term);
  void remember_words();
  void read_entries();
  void write_entries();
  void write_rare_words();

  Xapian::WritableDatabase database;
  WordFolder folder;
  std::map<std::uint32_t, WordEntry> entries;                     // by UID
  std::set<std::uint32_t> changed;                                // blocks
  std::map<std::pair<WordPlace, std::uint32_t>, RareBlock> rare;  // as they will be
  WordMemory memory;
  std::uint32_t live = 0;
  std::size_t dropped = 0;
  std::size_t terms = 0;  // since the last commit
};

Result<std::unique_ptr<WordWriter>> WordWriter::open(const std::string& directory) {
  return guarded([&]() -> Result<std::unique_ptr<WordWriter>> {
    std::error_code problem;
    fs::create_directories(fs::path(directory).parent_path(), problem);
    auto database = open_database(directory);
    if (!is_usable(database)) {
      database.close();
      discard_words(directory);
      database = open_database(directory);
    }
    database.set_metadata(word_version_key, word_version);
    auto state = std::make_unique<State>(std::move(database));
    state->live = number_of(state->database.get_metadata(live_key));
    return std::unique_ptr<WordWriter>(new WordWriter(std::move(state)));
  });
}

WordWriter::WordWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

// What was not committed is dropped: Xapian would write documents without their entries.
WordWriter::~WordWriter() {
  try {
    state_->database.begin_transaction(false);
    state_->database.cancel_transaction();
    state_->database.close();
  } catch (const Xapian::Error&) {
    // What was committed stays.
  }
}

void WordWriter::State::read_entries() {
  entries.clear();
  changed.clear();
  rare.clear();
  auto prefix = blocks_key(folder);
  for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
       ++at) {
    auto block = decode_entries(database.get_metadata(*at));
    if (!block) throw Xapian::DatabaseCorruptError("the list of messages is damaged");
    for (const auto& entry : *block) entries.insert_or_assign(entry.uid.value(), entry);
  }
}

template <class Predicate>
std::size_t WordWriter::State::drop_blocks(std::string_view folder_part, Predicate is_doomed) {
  std::size_t messages = 0;
  for (char kind :
       {'F', static_cast<char>(WordPlace::Header), static_cast<char>(WordPlace::Body)}) {
    auto prefix = kind + std::string(folder_part);
    std::vector<std::string> doomed;
    for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
         ++at) {
      auto key = *at;
      if (is_doomed(std::string_view(key).substr(1))) doomed.push_back(std::move(key));
    }
    for (const auto& key : doomed) {
      auto block = kind == 'F' ? decode_entries(database.get_metadata(key)) : std::nullopt;
      if (block) messages += block->size();
      database.set_metadata(key, "");
    }
  }
  live -= std::min(live, static_cast<std::uint32_t>(messages));
  return messages;
}

WordWriter::State::RareBlock& WordWriter::State::rare_block(WordPlace place, Uid uid) {
  auto block = rare_block_of(uid);
  auto [at, is_new] = rare.try_emplace({place, block});
  if (!is_new) return at->second;
  auto known = decode_rare_words(database.get_metadata(rare_block_key(place, folder, block)));
  if (!known) throw Xapian::DatabaseCorruptError("a list of rare words is damaged");
  for (auto& entry : *known) at->second.emplace(entry.uid.value(), std::move(entry.words));
  return at->second;
}

// Whether no other message is known to have the term.
bool WordWriter::State::comes_first(std::string_view term) {
  using Known = WordMemory::Known;
  auto known = memory.look(term);
  if (known == Known::Often) return false;
  bool is_first = known == Known::No && !database.term_exists(std::string(term));
  memory.note(term, is_first ? Known::Once : Known::Often);
  return is_first;
}

// What has come lately, while another writer was at work.
void WordWriter::State::remember_words() {
  for (auto place : rare_places) {
    auto prefix = rare_blocks_key(place, folder);
    std::vector<std::string> keys;
    for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
         ++at) {
      keys.push_back(*at);
    }
    auto first = keys.size() - std::min(keys.size(), blocks_remembered);
    for (const auto& key : std::span(keys).subspan(first)) {
      auto entries_of_block = decode_rare_words(database.get_metadata(key));
      if (!entries_of_block) throw Xapian::DatabaseCorruptError("a list of rare words is damaged");
      for (const auto& entry : *entries_of_block) {
        for (auto word : pennypost::words(entry.words.list, " ")) {
          memory.note(static_cast<char>(place) + std::string(word), WordMemory::Known::Once);
        }
      }
    }
  }
}

Result<std::vector<Uid>> WordWriter::begin(const WordFolder& folder, std::span<const Uid> uids) {
  TRY_DO(commit());
  auto& state = *state_;
  state.folder = folder;
  return guarded([&]() -> Result<std::vector<Uid>> {
    state.read_entries();
    // Of other UIDVALIDITYs than the present one.
    auto present = blocks_key(folder).substr(1);
    state.dropped = state.drop_blocks(folder_key(folder).substr(1), [&](std::string_view key) {
      return !key.starts_with(present);
    });
    std::vector<Uid> missing;
    std::vector<std::uint32_t> gone;
    auto at = state.entries.begin();
    for (auto uid : uids) {
      for (; at != state.entries.end() && at->first < uid.value(); ++at) gone.push_back(at->first);
      if (at != state.entries.end() && at->first == uid.value()) {
        ++at;
      } else {
        missing.push_back(uid);
      }
    }
    for (; at != state.entries.end(); ++at) gone.push_back(at->first);
    for (auto uid : gone) state.forget(uid);
    state.dropped += gone.size();
    if (!missing.empty()) state.remember_words();
    return missing;
  });
}

Result<std::size_t> WordWriter::keep_only(std::span<const WordFolder> folders) {
  TRY_DO(commit());
  auto& state = *state_;
  std::set<std::string, std::less<>> kept;
  for (const auto& folder : folders) kept.insert(folder_key(folder).substr(1));
  auto dropped = guarded([&]() -> Result<std::size_t> {
    auto part = folder_key({}).size() - 1;
    return state.drop_blocks(
        "", [&](std::string_view key) { return !kept.contains(key.substr(0, part)); });
  });
  if (!dropped) return dropped;
  state.entries.clear();
  TRY_DO(commit());
  return dropped;
}

Result<void> WordWriter::add(Uid uid, const TermTable& terms, bool is_cut) {
  auto& state = *state_;
  return guarded([&]() -> Result<void> {
    Xapian::Document document;
    std::array rare{RareCollector(rare_places[0]), RareCollector(rare_places[1])};
    for (const auto& term : terms.terms()) {
      auto text = terms.text_of(term);
      auto word = text.substr(1);
      auto place = static_cast<WordPlace>(text.front());
      if (place == WordPlace::Header && is_in_own_field(terms, word)) continue;
      auto& collector = rare[place == rare_places[0] ? 0 : 1];
      if (may_be_rare(place, word) && state.comes_first(text) && collector.add(word)) continue;
      // How often a word stands in a header says nothing.
      document.add_term(std::string(text), place == WordPlace::Header ? 1 : term.count);
    }
    for (std::size_t i = 0; i < rare.size(); ++i) {
      if (rare[i].empty()) continue;
      state.rare_block(rare_places[i], uid).insert_or_assign(uid.value(), rare[i].finish());
    }
    WordEntry entry{uid, state.database.add_document(document), is_cut};
    state.entries.insert_or_assign(uid.value(), entry);
    state.changed.insert(block_of(uid));
    ++state.live;
    state.terms += terms.terms().size();
    return {};
  });
}

std::size_t WordWriter::dropped() const { return state_->dropped; }

bool WordWriter::is_full() const { return state_->terms >= terms_in_memory_max; }

void WordWriter::State::write_entries() {
  for (auto block : changed) {
    std::vector<WordEntry> list;
    auto first = block * entries_per_block;
    for (auto at = entries.lower_bound(first);
         at != entries.end() && block_of(Uid(at->first)) == block; ++at) {
      list.push_back(at->second);
    }
    database.set_metadata(block_key(folder, block), encode_entries(list));
  }
  changed.clear();
}

void WordWriter::State::write_rare_words() {
  for (auto& [key, words] : rare) {
    std::vector<RareEntry> all;
    for (auto& [uid, one] : words) all.push_back({Uid(uid), std::move(one)});
    database.set_metadata(rare_block_key(key.first, folder, key.second), encode_rare_words(all));
  }
  rare.clear();
}

Result<void> WordWriter::commit() {
  auto& state = *state_;
  return guarded([&]() -> Result<void> {
    state.write_entries();
    state.write_rare_words();
    state.database.set_metadata(live_key, std::to_string(state.live));
    state.database.commit();
    state.terms = 0;
    return {};
  });
}

}  // namespace pennypost::store
