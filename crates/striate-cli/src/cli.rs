//! What can stand on the command line. Each verb's own arguments stand with the verb.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::verbs::{
    bench, completions, embed, eval, filter, inspect, lab, models, predict, probe, reconstruct, restore, see, train,
};

const EXAMPLES: &str = "\
Examples:
  # learn from the built-in photos and see what to expect
  striate train @photos

  # learn from a folder with one subfolder per class
  striate train my-pictures

  # label a folder of new pictures into a spreadsheet
  striate predict runs/my-pictures-ladder-1 new-pictures --out labels.csv

  # score the model on labelled pictures it has not seen
  striate eval runs/my-pictures-ladder-1 more-pictures

  # counts, sizes, damaged files and copies
  striate inspect my-pictures

DATA is a folder with one subfolder per class, a CSV (path,label[,split][,group]), a folder of MNIST IDX or CIFAR \
binary files, or built in: @digits, @photos. Subfolders train/, valid/ and test/ are the splits when they are there. \
MODEL is a model file, or the folder of the run that made it.

Exit codes: 0 done, 1 a negative answer (such as a missed --at-least), 2 an error. Pictures never leave this computer.";

/// Learn to tell pictures apart from a folder of them, on your own computer, with honest figures.
#[derive(Debug, Parser)]
#[command(name = "striate", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags of every verb.
    #[command(flatten)]
    pub globals: Globals,
}

/// One verb each.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Learn from labelled pictures: a model file and a report that says whether to trust it
    Train(train::TrainArgs),
    /// Score a model on labelled pictures
    Eval(eval::EvalArgs),
    /// Label pictures or whole folders
    Predict(predict::PredictArgs),
    /// Turn pictures into vectors for other programs
    Embed(embed::EmbedArgs),
    /// Send pictures through the code of an autoencoder and back
    Reconstruct(reconstruct::ReconstructArgs),
    /// Take noise away, or fill in what is gone
    Restore(restore::RestoreArgs),
    /// See what a net has learned: an atlas over your own pictures
    See(see::SeeArgs),
    /// Find out which vectors tell most of the classes
    Probe(probe::ProbeArgs),
    /// Convolve a picture or an array with a kernel, named or your own
    Filter(filter::FilterArgs),
    /// Look at a model, a run or data
    Inspect(inspect::InspectArgs),
    /// List the nets and recipes there are
    Models(models::ModelsArgs),
    /// See a phenomenon for yourself
    Lab(lab::LabArgs),
    /// Time nets and layers on this machine
    Bench(bench::BenchArgs),
    /// Print a completion script for your shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Flags that mean the same for every verb.
#[derive(Args, Debug)]
#[command(next_help_heading = "Flags of every verb")]
pub struct Globals {
    /// Threads to work with [default: one per core]; the answer does not depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Vector instructions to use [default: the widest of this machine]; the answer does not depend on them
    #[arg(long, global = true, value_name = "ISA", value_parser = PossibleValuesParser::new(["portable", "avx2", "avx512"]))]
    pub isa: Option<String>,
    /// Decides everything that is drawn at random; the same seed gives the same answer [default: the recipe's, or 0]
    #[arg(long, global = true, value_name = "S")]
    pub seed: Option<u64>,
    /// Where to compute; `cuda` is there in builds with the feature of that name
    #[arg(long, global = true, value_name = "D", default_value = "cpu",
          value_parser = PossibleValuesParser::new(striate::device::NAMES))]
    pub device: String,
    /// Print the answer alone, as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no warnings on stderr; errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn globals_stand_before_or_after_the_verb() {
        let before = Cli::try_parse_from(["striate", "--threads", "2", "models"]).expect("parses");
        let after = Cli::try_parse_from(["striate", "models", "--threads", "2"]).expect("parses");
        assert_eq!((before.globals.threads, after.globals.threads), (Some(2), Some(2)));
    }

    #[test]
    fn a_wrong_device_names_what_there_is() {
        let e = Cli::try_parse_from(["striate", "models", "--device", "abacus"]).expect_err("no such device");
        assert!(e.to_string().contains("cpu"), "{e}");
    }
}
