//! Principal components beside a trained autoencoder: as many as its code has numbers, of the training pictures that lie in the
//! folder it is scored on.

use striate_data::crops::Crops;
use striate_data::dataset::Split;
use striate_data::loader::LoaderSpec;
use striate_engine::device::chosen;
use striate_nn::coders::CoderConfig;
use striate_train::coder_manifest::CoderManifest;
use striate_train::components;
use striate_train::recipe::Recipe;
use striate_train::reconstruct::{ReconstructSpec, Source};

use crate::coder::CoderModel;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::held_crops;
use crate::prepare::Prepared;

/// Crops that the components are of, at most.
const CROPS: usize = 5000;

/// The linear autoencoder that restores the folder's training pictures best; `None` where the folder has no training split, or the
/// model is that one.
pub(crate) fn components_beside(
    model: &CoderModel,
    prepared: &Prepared,
    observer: Observer,
) -> Result<Option<CoderModel>, Error> {
    let manifest = &model.manifest;
    let recipe = Recipe::parse(&manifest.provenance.recipe);
    let recipe = recipe.map_err(|source| Error::Recipe { name: "of the model".into(), source })?;
    let mut pictures = prepared.readable(Some(Split::Train));
    let values = manifest.coder.values();
    let most = components::HELD / values;
    if manifest.coder.name == "pca" || pictures.is_empty() || most < 2 {
        return Ok(None);
    }
    let crops: Option<Crops> = match &recipe.crops {
        None => None,
        Some(part) => {
            let source = held_crops::Source { dataset: &prepared.dataset, recipe: &recipe, observer };
            Some(source.crops(part, manifest.preprocess.colour, &pictures)?)
        }
    };
    pictures.truncate(most);
    let items = if crops.is_some() { most.min(CROPS) } else { pictures.len() };
    let source = match &crops {
        Some(crops) if crops.pictures() == 0 => return Ok(None),
        Some(crops) => Source::Crops(crops, items),
        None => Source::Whole(LoaderSpec {
            dataset: &prepared.dataset,
            order: &pictures,
            preprocess: &manifest.preprocess,
            augment: None,
            cache: None,
            batch: recipe.train.batch,
            workers: rayon::current_num_threads(),
        }),
    };
    let kept = manifest.coder.code.min(values).min(items - 1);
    if kept == 0 {
        return Ok(None);
    }
    let coder = CoderConfig::new("pca", manifest.coder.in_channels, manifest.coder.image_size, kept);
    let device = chosen();
    let spec = ReconstructSpec {
        recipe: &recipe,
        coder: &coder,
        source,
        preprocess: &manifest.preprocess,
        valid: &[],
        device: &device,
    };
    observer(Event::Stage(format!(
        "{kept} principal components of {items} training pictures or crops, to compare with"
    )));
    let pca = components::fit(&spec, &mut |done, total| observer(Event::pictures(done, total)))?;
    let coder = CoderConfig { code: pca.explained_variance_ratio().len(), ..coder };
    let manifest = CoderManifest { coder, ..manifest.clone() };
    Ok(Some(CoderModel::new("principal components".as_ref(), manifest, &components::tensors(&pca))?))
}
