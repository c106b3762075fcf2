// Writes an account's index of words: documents without positions, and the list of what is in it.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "store/search/word_index.h"
#include "store/search/xapian_errors.h"

namespace pennypost::store {
namespace {

namespace fs = std::filesystem;

// Of the form of the index; one of another is made anew.
constexpr const char* version = "1";
constexpr const char* version_key = "V";
// How many documents have an entry.
constexpr const char* live_key = "L";
// So many documents more than there are entries do not matter.
constexpr std::uint32_t dead_documents = 1000;

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
  if (database.get_metadata(version_key) != version) return database.get_doccount() == 0;
  auto live = number_of(database.get_metadata(live_key));
  return database.get_doccount() <= 2 * live + dead_documents;
}

}  // namespace

struct WordWriter::State {
  explicit State(Xapian::WritableDatabase its_database) : database(std::move(its_database)) {}

  void forget(std::uint32_t uid) {
    changed.insert(block_of(Uid(uid)));
    entries.erase(uid);
    --live;
  }
  // Other UIDVALIDITYs than the present one.
  void forget_former();
  void read_entries();
  void write_entries();

  Xapian::WritableDatabase database;
  WordFolder folder;
  std::map<std::uint32_t, WordEntry> entries;  // by UID
  std::set<std::uint32_t> changed;             // blocks
  std::uint32_t live = 0;
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
    database.set_metadata(version_key, version);
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
  auto prefix = blocks_key(folder);
  for (auto at = database.metadata_keys_begin(prefix); at != database.metadata_keys_end(prefix);
       ++at) {
    auto block = decode_entries(database.get_metadata(*at));
    if (!block) throw Xapian::DatabaseCorruptError("the list of messages is damaged");
    for (const auto& entry : *block) entries.insert_or_assign(entry.uid.value(), entry);
  }
}

void WordWriter::State::forget_former() {
  auto present = blocks_key(folder);
  auto all = folder_key(folder);
  std::vector<std::string> former;
  for (auto at = database.metadata_keys_begin(all); at != database.metadata_keys_end(all); ++at) {
    if (!(*at).starts_with(present)) former.push_back(*at);
  }
  for (const auto& key : former) {
    auto block = decode_entries(database.get_metadata(key));
    if (block) live -= std::min(live, static_cast<std::uint32_t>(block->size()));
    database.set_metadata(key, "");
  }
}

Result<std::vector<Uid>> WordWriter::begin(const WordFolder& folder, std::span<const Uid> uids) {
  TRY_DO(commit());
  auto& state = *state_;
  state.folder = folder;
  return guarded([&]() -> Result<std::vector<Uid>> {
    state.read_entries();
    state.forget_former();
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
    return missing;
  });
}

Result<void> WordWriter::add(Uid uid, const TermTable& terms, bool is_cut) {
  auto& state = *state_;
  return guarded([&]() -> Result<void> {
    Xapian::Document document;
    for (const auto& term : terms.terms()) {
      auto text = terms.text_of(term);
      // How often a word stands in a header says nothing.
      auto count = text.front() == static_cast<char>(WordPlace::Header) ? 1 : term.count;
      document.add_term(std::string(text), count);
    }
    WordEntry entry{uid, state.database.add_document(document), is_cut};
    state.entries.insert_or_assign(uid.value(), entry);
    state.changed.insert(block_of(uid));
    ++state.live;
    state.terms += terms.terms().size();
    return {};
  });
}

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

Result<void> WordWriter::commit() {
  auto& state = *state_;
  return guarded([&]() -> Result<void> {
    state.write_entries();
    state.database.set_metadata(live_key, std::to_string(state.live));
    state.database.commit();
    state.terms = 0;
    return {};
  });
}

}  // namespace pennypost::store
